"""Only what matches its checksum gets into the cache, once."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest
import requests

from local_stack.download import download, is_verified, place_of
from local_stack.errors import ChecksumError, DownloadError
from local_stack.lock_file import Artifact

CONTENT = {"one": b"first", "two": b"second artifact"}


def pinned(name: str) -> Artifact:
    content = CONTENT[name]
    sha256 = hashlib.sha256(content).hexdigest()
    return Artifact("org.example", name, "1.0", "jar", sha256, len(content))


class Repository:
    """Serves CONTENT, or what it was told to serve instead, and notes who was asked for."""

    def __init__(self, **instead: bytes) -> None:
        self.content = {**CONTENT, **instead}
        self.asked: list[str] = []

    def __call__(self, artifact: Artifact, below: Path, advance: Callable[[int], None]) -> Path:
        self.asked.append(artifact.name)
        below.mkdir(parents=True)
        path = below / artifact.filename
        path.write_bytes(self.content[artifact.name])
        advance(len(self.content[artifact.name]))
        return path


def test_what_matches_is_kept_and_not_asked_for_again(tmp_path: Path) -> None:
    repository = Repository()
    for _ in range(2):
        download([pinned("one"), pinned("two")], tmp_path, "title", repository)
    assert sorted(repository.asked) == ["one", "two"]
    assert place_of(pinned("two"), tmp_path).read_bytes() == CONTENT["two"]


def test_what_does_not_match_is_thrown_away_and_the_rest_kept(tmp_path: Path) -> None:
    with pytest.raises(ChecksumError, match=r"one-1\.0\.jar .* run the command again"):
        download([pinned("one"), pinned("two")], tmp_path, "t", Repository(one=b"forged"))
    assert not is_verified(pinned("one"), tmp_path)
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []
    again = Repository()
    download([pinned("one"), pinned("two")], tmp_path, "t", again)
    assert "one" in again.asked
    assert is_verified(pinned("one"), tmp_path)


def test_a_truncated_file_in_the_cache_is_downloaded_again(tmp_path: Path) -> None:
    download([pinned("one")], tmp_path, "title", Repository())
    place_of(pinned("one"), tmp_path).write_bytes(b"fir")
    download([pinned("one")], tmp_path, "title", Repository())
    assert place_of(pinned("one"), tmp_path).read_bytes() == CONTENT["one"]


def test_other_users_can_read_what_was_downloaded_under_a_strict_umask(tmp_path: Path) -> None:
    download([pinned("one")], tmp_path, "title", Repository())
    assert place_of(pinned("one"), tmp_path).stat().st_mode & 0o004


def test_progress_is_plain_lines_where_there_is_no_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    download([pinned("one"), pinned("two")], tmp_path, "Downloading", Repository())
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.splitlines()[-1] == "Downloading: 100 %"


def test_no_network_is_one_sentence_that_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreachable(*_args: object, **_kwargs: object) -> None:
        raise requests.ConnectionError("no route")

    monkeypatch.setattr(requests, "request", unreachable)
    with pytest.raises(DownloadError, match="check the network") as caught:
        download([pinned("one")], tmp_path, "title")
    assert "\n" not in str(caught.value)


def test_a_repository_that_refuses_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refusal = requests.Response()
    refusal.status_code = 403
    monkeypatch.setattr(requests, "request", lambda *_args, **_kwargs: refusal)
    with pytest.raises(DownloadError, match="does not have it or refuses it"):
        download([pinned("one")], tmp_path, "title")
