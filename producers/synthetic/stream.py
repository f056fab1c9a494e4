"""A synthetic stream: what it is made of, and its rows as a table."""

import hashlib
import math
import zlib
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import numpy as np
import pandas as pd
from msgspec import Struct

from contracts.errors import UsageError
from producers.synthetic.drift import Change, Drift, Kind, changes, shares
from producers.synthetic.problem import LABEL, MOVING, payments
from producers.table_rows import Columns

TIME = "occurred_at"
COLUMNS = Columns(time=TIME, label=LABEL)


class SyntheticStream(Struct, frozen=True, kw_only=True):
    """Rows at even distances of event time; equal fields make equal rows.

    Args:
        onset: where drift begins, as a share of the stream.
        label_share: of the rows that have a label; others have none.

    Raises:
        UsageError: there is no such stream.
    """

    kind: Kind
    events: int = 20_000
    seed: int = 0
    start: datetime = datetime(2025, 1, 6, tzinfo=UTC)
    span: timedelta = timedelta(days=60)
    onset: float = 0.5
    label_share: float = 1.0

    def __post_init__(self) -> None:
        if self.events < 1 or self.seed < 0 or self.span <= timedelta():
            raise UsageError("a stream has at least one event, a seed from 0 on and a span above 0")
        if not 0 <= self.onset <= 1:
            raise UsageError(
                f"the onset of drift must lie in the stream: from 0 to 1, not {self.onset:g}"
            )
        if not 0 <= self.label_share <= 1:
            raise UsageError(
                f"the share of events with a label is from 0 to 1, not {self.label_share:g}"
            )

    @property
    def path(self) -> Path:
        """What it is called, in the place of a file's path."""
        return Path(f"{self.kind}-{self.seed}")

    @property
    def drift(self) -> Drift:
        """What changes, and when."""
        found = tuple(
            Change(row, self._time(row), share)
            for row, share in (
                (math.ceil(place * self.events - 1e-6), share)
                for place, share in changes(self.kind, self.onset)
            )
            if row < self.events
        )
        return Drift(
            kind=self.kind,
            onset=found[0].occurred_at if found else None,
            onset_row=found[0].row if found else None,
            changes=found,
            features=MOVING if self.kind.moves_features else (),
            relation=self.kind.moves_relation,
        )

    def fingerprint(self) -> str:
        """The sha256 of what the rows follow from, in hex."""
        return hashlib.sha256(msgspec.json.encode(self)).hexdigest()

    def read(self, text_columns: Collection[str] = ()) -> pd.DataFrame:
        """Make the rows: time, ten features and the label, which may be missing."""
        # Of another kind are other rows: nobody is tested on those that a model has learned.
        rng = np.random.default_rng([self.seed, zlib.crc32(self.kind.encode())])
        places = np.arange(self.events) / self.events
        second = rng.random(self.events) < shares(self.kind, self.onset, places)
        frame = payments(rng, second & self.kind.moves_features, second & self.kind.moves_relation)
        if self.label_share < 1:
            frame[LABEL] = frame[LABEL].mask(rng.random(self.events) >= self.label_share)
        steps = np.arange(self.events) * (self.span / timedelta(microseconds=1) / self.events)
        moments = pd.Timestamp(self.start) + pd.to_timedelta(steps.astype(np.int64), unit="us")
        frame.insert(0, TIME, moments)
        return frame

    def _time(self, row: int) -> datetime:
        return self.start + timedelta(
            microseconds=int(row * (self.span / timedelta(microseconds=1) / self.events))
        )
