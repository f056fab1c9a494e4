"""Where things are kept, and what is said when that cannot be."""

import os
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from local_stack import account, home
from local_stack.account import Account, closed_ancestor, require_passage, server_account
from local_stack.errors import DiskSpaceError, HomeError, PlatformError

SOMEBODY = Account(uid=54321, gid=54321, switch=True)


def test_the_home_is_the_one_asked_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MILLRACE_HOME", str(tmp_path))
    assert home.millrace_home() == tmp_path


def test_a_user_has_a_home_in_the_cache_directory(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("MILLRACE_HOME", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert home.millrace_home() == tmp_path / "millrace"


def test_root_has_a_home_that_others_can_reach(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("MILLRACE_HOME", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert home.millrace_home() == Path("/var/cache/millrace")


def test_a_home_that_cannot_be_made_says_what_to_set(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("MILLRACE_HOME", str(tmp_path / "file" / "home"))
    with pytest.raises(HomeError, match="set MILLRACE_HOME"):
        home.prepare_home()


def test_a_home_is_open_to_others_under_a_strict_umask(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("MILLRACE_HOME", str(tmp_path / "a" / "b"))
    before = os.umask(0o077)
    try:
        made = home.prepare_home()
    finally:
        os.umask(before)
    assert [path.stat().st_mode & 0o777 for path in (made, made.parent)] == [0o755, 0o755]


def test_projects_of_the_same_name_have_data_of_their_own(tmp_path: Path) -> None:
    one, other = (home.stack_home(tmp_path, tmp_path / d / "project") for d in "ab")
    assert one != other
    assert one == home.stack_home(tmp_path, tmp_path / "a" / "x" / ".." / "project")


def test_too_little_disk_says_how_much_is_missing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: SimpleNamespace(free=600_000_000))
    home.require_disk(tmp_path, 50_000_000)
    with pytest.raises(DiskSpaceError, match=r"600 MB free.* needs 700 MB"):
        home.require_disk(tmp_path, 200_000_000)


def test_a_closed_directory_on_the_way_is_found(tmp_path: Path) -> None:
    inner = tmp_path / "closed" / "inner"
    inner.mkdir(parents=True)
    inner.parent.chmod(0o700)
    assert closed_ancestor(inner, SOMEBODY) is not None
    us = Account(os.geteuid(), os.getegid(), switch=True)
    assert closed_ancestor(inner, us) is None


def test_a_home_closed_to_the_servers_user_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir(mode=0o700)
    with pytest.raises(HomeError, match="is closed to others: set MILLRACE_HOME"):
        require_passage(tmp_path / "home", SOMEBODY)


def test_a_home_needs_no_passage_when_the_user_is_ours(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir(mode=0o700)
    require_passage(tmp_path / "home", SOMEBODY._replace(switch=False))


def test_root_runs_the_servers_as_somebody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    chosen = server_account()
    assert chosen.switch
    assert chosen.uid != 0


def test_root_without_any_other_user_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody_there(name: str) -> None:
        raise KeyError(name)

    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(account.pwd, "getpwnam", nobody_there)
    with pytest.raises(PlatformError, match="as an ordinary user"):
        server_account()
