"""The lock file pins everything, or is refused."""

from pathlib import Path

import pytest

from local_stack.errors import LockFileError
from local_stack.lock_file import LOCK_FILE, read_lock

SHA = "0" * 64


def entry(table: str, artifact: str, sha256: str = SHA, size: int = 7) -> str:
    return f'[[{table}]]\nartifact = "{artifact}"\nsha256 = "{sha256}"\nsize = {size}\n'


def lock(path: Path, *kafka: str) -> Path:
    server = entry("elasticsearch", "org.example:elasticsearch:zip:8.0.0")
    path.write_text(server + "".join(kafka))
    return path


def test_the_shipped_lock_pins_one_version_of_all_of_kafka() -> None:
    pinned = read_lock()
    versions = {jar.version for jar in pinned.kafka_jars if jar.group == "org.apache.kafka"}
    assert versions == {pinned.kafka_version}


def test_the_shipped_lock_has_what_the_broker_needs_to_log() -> None:
    names = {jar.name for jar in read_lock().kafka_jars}
    assert {"log4j-core", "log4j-slf4j-impl", "slf4j-api"} <= names


def test_the_shipped_lock_names_no_host() -> None:
    assert "://" not in LOCK_FILE.read_text()


def test_an_entry_becomes_a_file_name(tmp_path: Path) -> None:
    pinned = read_lock(lock(tmp_path / "lock", entry("kafka", "org.example:kafka_2.13:jar:4.0.0")))
    assert [jar.filename for jar in pinned.kafka_jars] == ["kafka_2.13-4.0.0.jar"]
    assert pinned.elasticsearch.size == 7


@pytest.mark.parametrize(
    "broken",
    [
        entry("kafka", "org.example:kafka_2.13:jar"),
        entry("kafka", "org.example:kafka_2.13:jar:4.0.0", sha256="abc"),
        entry("kafka", "org.example:kafka_2.13:jar:4.0.0", size=0),
        entry("kafka", "org.example:kafka_2.13/..:jar:4.0.0"),
        entry("kafka", "org.example:something:jar:4.0.0"),
        "[[kafka]\n",
        "",
    ],
)
def test_a_damaged_lock_is_refused_with_what_to_do(tmp_path: Path, broken: str) -> None:
    with pytest.raises(LockFileError, match=r"python -m local_stack\.lock"):
        read_lock(lock(tmp_path / "lock", broken))


def test_a_missing_lock_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LockFileError):
        read_lock(tmp_path / "none")
