"""The memory of a replay on disk: which rows of which file Kafka has, to resume from."""

import hashlib
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

import msgspec
from filelock import FileLock, Timeout
from msgspec import Struct

from contracts.errors import MillraceError, UsageError
from producers.acknowledged_prefix import Positions
from producers.table_rows import Columns


class SavedReplay(Struct, frozen=True, kw_only=True):
    """One replay of one file for one model.

    `rows_done` rows, in the order of sending, are acknowledged; in every partition, what was
    sent after them stands at or after `positions`. `topic_ids` tell re-created topics.
    `before_onset` is where they stood before the first row that drift may have changed, once that
    is known.
    """

    replay_id: str
    file: str
    sha256: str
    model: str
    columns: Columns
    rows: int
    rows_done: int
    positions: Positions
    topic_ids: dict[str, str]
    label_delay: float = 0.0
    before_onset: Positions | None = None

    @property
    def finished(self) -> bool:
        """Whether no row is left."""
        return self.rows_done >= self.rows


class ProgressFile:
    """The saved replay of one file for one model, below the project's `.millrace/replays/`."""

    def __init__(self, state_dir: Path, file: Path, model: str, topic: str) -> None:
        identity = f"{file.resolve()}\0{model}\0{topic}".encode()
        stem = re.sub(r"[^A-Za-z0-9_.-]", "_", file.stem)[:60]
        digest = hashlib.sha256(identity).hexdigest()[:12]
        self.path = state_dir / "replays" / f"{stem}-{digest}.json"

    @contextmanager
    def exclusively(self) -> Iterator[Self]:
        """Hold it against another process that replays the same file.

        Raises:
            UsageError: somebody else has it.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with FileLock(self.path.with_suffix(".lock"), timeout=0):
                yield self
        except Timeout:
            raise UsageError(
                "another process is replaying this file for this model: wait for it, or stop it"
            ) from None

    def load(self) -> SavedReplay | None:
        """Read what was saved; None if nothing was.

        Raises:
            UsageError: it is damaged.
        """
        try:
            return msgspec.json.decode(self.path.read_bytes(), type=SavedReplay)
        except FileNotFoundError:
            return None
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise UsageError(
                f"{self.path} is damaged ({error}): it cannot be known which rows were sent; "
                "start again without --resume"
            ) from error

    def save(self, replay: SavedReplay) -> None:
        """Write it so that a reader, or a crash, finds either the old or the new one.

        Raises:
            MillraceError: the disk takes no more.
        """
        aside = self.path.with_suffix(".new")
        try:
            with aside.open("wb") as file:
                file.write(msgspec.json.encode(replay))
                file.flush()
                os.fsync(file.fileno())
            aside.replace(self.path)
        except OSError as error:
            raise MillraceError(f"cannot save the progress in {self.path}: {error}") from error


def check_resumable(
    saved: SavedReplay,
    *,
    sha256: str,
    columns: Columns,
    topic_ids: dict[str, str],
    label_delay: float = 0.0,
) -> None:
    """Check that a saved replay can go on where it stopped.

    Raises:
        UsageError: the file, the options or the topics are not those of then.
    """
    if saved.sha256 != sha256:
        raise UsageError(
            f"{saved.file} has changed since row {saved.rows_done:,} of {saved.rows:,} was sent: "
            "start again without --resume"
        )
    if saved.columns != columns:
        raise UsageError(
            f"the replay was started with other columns ({_options(saved.columns)}, now "
            f"{_options(columns)}): give the same, or start again without --resume"
        )
    if saved.label_delay != label_delay:
        raise UsageError(
            f"the replay was started with labels {saved.label_delay:g} s after their events: give "
            "the same --label-delay, or start again without --resume"
        )
    if saved.topic_ids != topic_ids:
        raise UsageError(
            "the topics were created anew since the replay was started: start again without "
            "--resume"
        )


def _options(columns: Columns) -> str:
    given = msgspec.structs.asdict(columns) | {"label": " and ".join(columns.labels)}
    return ", ".join(f"{name}: {column}" for name, column in given.items() if column) or "none"
