"""The kinds of drift: how much of a stream is of the second regime, and when (pure).

The kinds are those of Gama et al., "A survey on concept drift adaptation" (2014).
"""

from datetime import datetime
from enum import StrEnum

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray


class Kind(StrEnum):
    """What changes at the onset, and how."""

    STATIONARY = "stationary"
    """Nothing."""
    ABRUPT = "abrupt"
    """Features and relation, at once."""
    GRADUAL = "gradual"
    """Both: more and more rows are of the second regime, half-way to the end all of them."""
    RECURRING = "recurring"
    """Both, and back, and again: four parts of equal length to the end."""
    FEATURE = "feature"
    """Some features' distribution, at once; the relation to the label stays."""
    CONCEPT = "concept"
    """The relation, at once; the features stay."""

    @property
    def moves_features(self) -> bool:
        """Whether features are distributed otherwise after the onset."""
        return self not in (Kind.STATIONARY, Kind.CONCEPT)

    @property
    def moves_relation(self) -> bool:
        """Whether labels depend on features otherwise after the onset."""
        return self not in (Kind.STATIONARY, Kind.FEATURE)


class Change(Struct, frozen=True):
    """From row `row` (0 the first) and its time on, `share` of the rows are of the second regime;
    up to the second change of a gradual drift the share grows evenly."""

    row: int
    occurred_at: datetime
    share: float


class Drift(Struct, frozen=True, kw_only=True):
    """The drift that a stream has: the first of its changes is the onset."""

    kind: Kind
    onset: datetime | None
    onset_row: int | None
    changes: tuple[Change, ...]
    features: tuple[str, ...]
    relation: bool

    def sentence(self) -> str:
        """In words."""
        if self.onset is None or self.onset_row is None:
            return f"{self.kind}: no drift"
        moved = [", ".join(self.features)] if self.features else []
        moved += ["how the label depends on the features"] if self.relation else []
        return (
            f"{self.kind} drift from event {self.onset_row + 1:,} on, "
            f"{self.onset:%Y-%m-%dT%H:%M:%SZ}: {' and '.join(moved)}"
        )


def changes(kind: Kind, onset: float) -> list[tuple[float, float]]:
    """Where the share of the second regime changes: (place, share from there on).

    Between the two places of a gradual drift the share grows evenly. Places are shares of the
    stream, 0 its beginning and 1 its end.
    """
    rest = 1.0 - onset
    match kind:
        case Kind.STATIONARY:
            return []
        case Kind.GRADUAL:
            return [(onset, 0.0), (onset + rest / 2, 1.0)]
        case Kind.RECURRING:
            return [(onset + rest * part / 4, 1.0 - part % 2) for part in range(4)]
        case _:
            return [(onset, 1.0)]


def shares(kind: Kind, onset: float, places: NDArray[np.float64]) -> NDArray[np.float64]:
    """The share of the second regime at n places of a stream."""
    known = changes(kind, onset)
    if not known:
        return np.zeros(len(places))
    at, share = np.array(known).T
    if kind is Kind.GRADUAL:
        return np.asarray(np.interp(places, at, share), dtype=np.float64)
    # A place that is a change belongs to what begins there, whatever the last digit says.
    found: NDArray[np.float64] = np.append(0.0, share)[np.searchsorted(at - 1e-12, places, "right")]
    return found
