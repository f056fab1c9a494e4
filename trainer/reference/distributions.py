"""Columns as distributions of the reference, with what their blocks say of them."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from msgspec import Struct
from numpy.typing import NDArray

from contracts.drift_statistics import degrees_of_freedom, psi_excess, time_spread, upper_rate
from contracts.events import FeatureValue
from contracts.reference import Categories, Numbers, Signal
from trainer.reference.blocks import Blocks

MOST_CATEGORIES = 50
LONGEST_WORD = 1024
"""Characters; the log keeps longer ones and does not count them."""

_BINS = 10


class Coded(Struct, frozen=True):
    """A distribution, and the number of its bin for each of n rows; missing is the last bin."""

    distribution: Numbers | Categories
    codes: NDArray[np.intp]


def numbers(values: NDArray[np.float64], *, single: bool) -> Coded:
    """Numbers in bins between their deciles; NaN and infinity are missing.

    Args:
        single: the log keeps them as float32.
    """
    with np.errstate(over="ignore"):
        kept = values.astype(np.float32).astype(np.float64) if single else values
    present = np.isfinite(kept)
    known = kept[present]
    inner = np.linspace(0, 1, _BINS + 1)[1:-1]
    with np.errstate(over="ignore"):
        edges = np.unique(np.quantile(known, inner).astype(np.float32)) if len(known) else known
    edges = edges[np.isfinite(edges)] if np.isfinite(edges).any() else np.zeros(1)
    codes = np.full(len(kept), len(edges) + 1, dtype=np.intp)
    codes[present] = np.searchsorted(edges.astype(np.float64), known, side="right")
    counts = np.bincount(codes, minlength=len(edges) + 2).tolist()
    with np.errstate(over="ignore", invalid="ignore"):
        mean, spread = (known.mean(), known.std()) if len(known) else (np.nan, np.nan)
    found = Numbers(
        edges=tuple(edges.astype(np.float64).tolist()),
        counts=tuple(counts[:-1]),
        missing=counts[-1],
        mean=_finite(mean),
        spread=_finite(spread),
    )
    return Coded(found, codes)


def _finite(figure: float) -> float | None:
    return float(figure) if np.isfinite(figure) else None


def categories(values: Sequence[Any]) -> Coded:
    """Words, or what the log writes as words; None and words that are too long are missing."""
    words = [None if value is None else as_logged(value) for value in values]
    usable = [None if word is None or len(word) > LONGEST_WORD else word for word in words]
    found, names = pd.factorize(pd.Series(usable, dtype=object))
    sizes = np.bincount(found[found >= 0], minlength=len(names))
    ranked = np.lexsort((names.to_numpy(dtype=str), -sizes)) if len(names) else np.zeros(0, int)
    top = ranked[:MOST_CATEGORIES]
    place = np.full(len(names) + 1, len(top), dtype=np.intp)  # other
    place[top] = np.arange(len(top))
    place[-1] = len(top) + 1  # missing: factorize says -1
    codes = place[found]
    counts = np.bincount(codes, minlength=len(top) + 2).tolist()
    words_of_top = [str(names[number]) for number in top]
    distribution = Categories(
        counts=dict(zip(words_of_top, counts[:-2], strict=True)),
        other=counts[-2],
        missing=counts[-1],
    )
    return Coded(distribution, codes)


def signal(name: str, source: str, coded: Coded, blocks: Blocks) -> Signal:
    """A distribution with what blocks of it differ by, and which rates they reach."""
    total = np.array(coded.distribution.bins)
    per_block = blocks.counts(coded.codes, len(total))
    return Signal(
        name=name,
        source=source,
        distribution=coded.distribution,
        time=time_spread(
            [psi_excess(total, block) for block in per_block], degrees_of_freedom(total)
        ),
        missing_rate=_rate(total[-1], per_block[:, -1], total, per_block),
        unknown_rate=_unknown_rate(coded.distribution, total, per_block),
    )


def _unknown_rate(
    distribution: Numbers | Categories, total: NDArray[np.intp], per_block: NDArray[np.intp]
) -> float:
    """Categories that came once stand for those that never came (Good 1953, The population
    frequencies of species); those of one block alone are unknown to the others."""
    if isinstance(distribution, Numbers):
        return 0.0
    known, in_blocks = total[:-2], per_block[:, :-2]
    count = total[-2] + np.count_nonzero(known == 1)
    alone = np.where(in_blocks == known, in_blocks, 0).sum(axis=1) + per_block[:, -2]
    return _rate(count, alone, total, per_block)


def _rate(
    count: int, counts: NDArray[np.intp], total: NDArray[np.intp], per_block: NDArray[np.intp]
) -> float:
    """What the rows together let expect, or the worst block if that is more: gaps come in
    stretches, such as a station that is silent for a day."""
    rows = per_block.sum(axis=1)
    worst = float((counts / np.maximum(rows, 1)).max()) if len(rows) else 0.0
    return max(upper_rate(float(count), float(total.sum())), worst)


def as_logged(value: FeatureValue) -> str:
    """A value as the log writes words."""
    return str(value).lower() if isinstance(value, bool) else str(value)
