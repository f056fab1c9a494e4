"""Where a replay's rows come from: a file, or anything else that gives the same rows again."""

import hashlib
from collections.abc import Collection
from pathlib import Path
from typing import Protocol

import pandas as pd
from msgspec import Struct

from contracts.errors import UsageError
from contracts.tabular import read_table
from producers.synthetic.drift import Drift


class Source(Protocol):
    """A table that can be read again, as a resumed replay does."""

    @property
    def path(self) -> Path:
        """The file, or what stands for it in messages, ids of events and saved progress."""

    @property
    def drift(self) -> Drift | None:
        """What is known of its drift."""

    def fingerprint(self) -> str:
        """A sha256, in hex, that changes when the rows do.

        Raises:
            UsageError: it cannot be read.
        """

    def read(self, text_columns: Collection[str] = ()) -> pd.DataFrame:
        """The rows; some columns as text even where they look like numbers.

        Raises:
            UsageError: it cannot be read.
        """


class TableFile(Struct, frozen=True):
    """A CSV, TSV, JSON-lines or Parquet file."""

    path: Path

    @property
    def drift(self) -> Drift | None:
        """Nobody knows."""
        return None

    def fingerprint(self) -> str:
        """The sha256 of its content."""
        try:
            with self.path.open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest()
        except FileNotFoundError:
            raise UsageError(f"there is no file {self.path}") from None
        except OSError as error:
            raise UsageError(f"{self.path} cannot be read: {error.strerror}") from error

    def read(self, text_columns: Collection[str] = ()) -> pd.DataFrame:
        """As `contracts.tabular.read_table`."""
        return read_table(self.path, text_columns)
