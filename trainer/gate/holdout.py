"""Held-out rows as they lie in a package: what a candidate and the champion are compared on."""

import zlib
from collections.abc import Sequence

import msgspec
import numpy as np
from msgspec import Struct

from contracts.errors import PackageError
from contracts.events import FeatureValue
from contracts.feature_schema import FeatureSchema
from contracts.packages import Task, sha256
from contracts.scorer import Columns

MOST_ROWS = 20_000
"""Enough for the standard error of an AUC of .003, and some MB."""


class HeldOut(Struct, frozen=True, kw_only=True):
    """n rows that the model was not fitted on: feature -> n values, target -> n true values."""

    task: Task
    features: dict[str, list[FeatureValue]]
    truth: dict[str, list[FeatureValue]]

    @property
    def rows(self) -> int:
        """How many there are."""
        return len(next(iter(self.features.values()), ()))

    def columns(self, schema: FeatureSchema) -> Columns:
        """The rows as a model of a schema takes them; features they do not have are missing."""
        return [self.features.get(name, [None] * self.rows) for name in schema.names]


def chosen_rows(count: int) -> Sequence[int]:
    """Numbers of at most `MOST_ROWS` of n rows, spread evenly: rows in order of time stay so."""
    numbers: list[int] = np.linspace(0, count - 1, num=min(count, MOST_ROWS), dtype=int).tolist()
    return numbers


def to_bytes(held_out: HeldOut) -> bytes:
    """As it lies in the model store; equal rows give equal bytes."""
    return zlib.compress(msgspec.json.encode(held_out, order="deterministic"))


def from_bytes(data: bytes, digest: str) -> HeldOut:
    """Read what `to_bytes` wrote.

    Args:
        digest: the sha256 in the manifest.

    Raises:
        PackageError: it was altered, or is malformed.
    """
    if sha256(data) != digest:
        raise PackageError("the held-out rows' sha256 is not the one in the manifest: altered")
    try:
        return msgspec.json.decode(zlib.decompress(data), type=HeldOut)
    except (ValueError, zlib.error) as error:
        raise PackageError(f"the held-out rows are malformed: {error}") from error
