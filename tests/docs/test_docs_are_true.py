"""What the pages say exists: files, headings, commands, options and settings."""

from pathlib import Path

import pytest
from docs.commands import problem
from docs.pages import PAGES, PROJECT, anchors, invocations, links, variables

from contracts.settings import Settings, unknown_variables

_NAMES = [path.relative_to(PROJECT).as_posix() for path in PAGES]
_WORKFLOW = (PROJECT / "examples" / "ci" / "train.yml").read_text("utf-8")


@pytest.mark.parametrize("page", _NAMES)
def test_every_link_leads_somewhere(page: str):
    path = PROJECT / page
    broken = [link for link in links(path.read_text("utf-8")) if not _resolves(path, link)]

    assert not broken, f"{page} links to {', '.join(broken)}"


@pytest.mark.parametrize("page", _NAMES)
def test_every_command_exists(page: str):
    found = invocations((PROJECT / page).read_text("utf-8"))
    wrong = [f"{one.line}: {why}" for one in found if (why := problem(one.arguments))]

    assert not wrong, "\n".join([page, *wrong])


@pytest.mark.parametrize("page", _NAMES)
def test_every_variable_is_a_setting(page: str):
    unknown = [name for name in variables((PROJECT / page).read_text("utf-8")) if not _known(name)]

    assert not unknown, f"{page} names {', '.join(sorted(unknown))}"


def test_there_is_something_to_check():
    texts = [path.read_text("utf-8") for path in PAGES]

    assert sum(len(list(invocations(text))) for text in texts) > 100
    assert sum(len(links(text)) for text in texts) > 80
    assert sum(len(variables(text)) for text in texts) > 100


@pytest.mark.parametrize(
    ("command", "complaint"),
    [
        ("up", None),
        ("models publish flights 2 --reason why", None),
        ("models publish flights 2 --reason=why", None),
        ("model list", "'millrace' has no command model"),
        ("models lst", "'millrace models' has no command lst"),
        ("models list --verbosely", "'millrace models list' has no option --verbosely"),
        ("up now", "'millrace up' takes 0 arguments, not 1"),
    ],
)
def test_a_command_that_does_not_exist_is_found(command: str, complaint: str | None):
    assert problem(command.split()) == complaint


def test_shell_blocks_are_read_as_a_shell_does():
    text = (
        "```sh\n"
        "A=1 .venv/bin/millrace train a.csv \\\n  --target 'my column' > log 2>&1  # millrace no\n"
        "millrace worker & millrace indexer | tee x\n"
        "```\n"
        "```python\nmillrace nothing\n```\n"
    )

    assert [one.arguments for one in invocations(text)] == [
        ("train", "a.csv", "--target", "my column"),
        ("worker",),
        ("indexer",),
    ]


def test_links_and_anchors_are_read_as_github_does():
    text = (
        "# A `b`: c?\n## A b c\n## A b c\n[x](y.md#z) `[no](no)` "
        '[one](u "t")\n```md\n# no\n[no](no)\n```\n'
    )

    assert links(text) == ["y.md#z", "u"]
    assert anchors(text) == {"a-b-c", "a-b-c-1", "a-b-c-2"}


def test_a_variable_that_is_cut_short_must_begin_one():
    assert variables("`MILLRACE_KEEP_MONTHS_…` MILLRACE_HOME MILLRACE_*") == {
        "MILLRACE_KEEP_MONTHS_",
        "MILLRACE_HOME",
    }
    assert _known("MILLRACE_KEEP_MONTHS_")
    assert not _known("MILLRACE_KEPT_")
    assert not _known("MILLRACE_KEPT")


def _resolves(page: Path, link: str) -> bool:
    if "://" in link or link.startswith("mailto:"):
        return True
    name, _, anchor = link.partition("#")
    target = (page.parent / name).resolve() if name else page
    if not target.is_relative_to(PROJECT) or not target.exists():
        return False
    return not anchor or target.suffix != ".md" or anchor in anchors(target.read_text("utf-8"))


def _known(name: str) -> bool:
    if name.endswith("_"):
        return any(f"MILLRACE_{one.upper()}".startswith(name) for one in Settings.model_fields)
    # Secrets of the example of a workflow are called alike, and reach settings as files.
    return not unknown_variables({name: ""}) or f"secrets.{name}" in _WORKFLOW
