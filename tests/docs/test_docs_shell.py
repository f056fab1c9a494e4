"""What a page leaves in its shell, and that nothing which goes wrong in it is passed over."""

from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from docs.pages import Block
from docs.shell import Shell
from waiting import wait_until

SERVICE = """
import signal, socket, sys
signal.signal(signal.SIGTERM, lambda *_: sys.exit(STATUS))
listening = socket.create_server(("127.0.0.1", 0))
print("up", flush=True)
signal.pause()
"""


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    (tmp_path / "service.py").write_text(SERVICE.replace("STATUS", "int(sys.argv[1])"))
    with Shell(tmp_path, {"GIVEN": "by the test"}) as shell:
        yield shell


def paste(shell: Shell, code: str) -> None:
    shell.paste(Block("page.md", 7, f"{code}\n"))


def test_what_a_block_sets_is_there_for_the_next(shell: Shell) -> None:
    paste(shell, 'export OWN="$GIVEN"\ncd ..')
    shell.export(MORE="it's")
    paste(shell, 'test "$OWN $MORE" = "by the test it\'s"\ntest -d "$OLDPWD"\nmillrace --help')


@pytest.mark.parametrize("code", ["false", "false | true", 'echo "$NEVER_SET"', "nonsense"])
def test_a_command_that_fails_is_told_with_its_place(shell: Shell, code: str) -> None:
    with pytest.raises(AssertionError, match=r"page\.md, line 7: exit status"):
        paste(shell, f"{code}\ntrue")


def test_nobody_answers_what_a_command_asks(shell: Shell) -> None:
    paste(shell, 'test -z "$(cat)"')


def test_a_service_is_ended_in_order(shell: Shell) -> None:
    paste(shell, "python service.py 0 &\npython service.py 0 &")
    shell.leave()
    assert shell.output.splitlines().count("up") == 2


@pytest.mark.parametrize(
    ("service", "said"),
    [
        ("python service.py 3 &", "exit status 3"),
        ("python -c 'raise SystemExit(2)' &", "a service has ended by itself"),
        ("python -c 'raise SystemExit(0)' &", "a service has ended by itself"),
    ],
)
def test_a_service_that_fails_is_told(shell: Shell, service: str, said: str) -> None:
    paste(shell, service)
    with pytest.raises(AssertionError, match=said):
        shell.leave()


def test_nothing_outlives_a_page_that_failed(shell: Shell) -> None:
    paste(shell, "sleep 1000 &")
    [pid] = (one.pid for one in psutil.Process().children(True) if one.name() == "sleep")
    with pytest.raises(AssertionError), shell:
        paste(shell, "false")

    def gone() -> bool:
        return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE

    wait_until(gone)
