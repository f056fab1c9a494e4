"""Train, validation and test rows, 60/20/20: by time where there is one, else at random."""

from typing import Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from contracts.errors import UsageError

_SHARES = (0.6, 0.8)
"""Where validation and test begin."""

_SMALLEST_SHARE = 0.1
_FEWEST_UNSEEN = 200
"""Rows below which a figure says nothing of either version."""

Rows = NDArray[np.intp]


class Split(Struct, frozen=True):
    """Row numbers of the three parts; together every row once."""

    train: Rows
    validation: Rows
    test: Rows
    how: str

    @property
    def before_test(self) -> Rows:
        """The rows of train and validation, in order."""
        return np.concatenate([self.train, self.validation])


def split_by_time(moments: NDArray[np.int64], unseen: int | None = None) -> Split:
    """The oldest 60 % train, the newest 20 % test: what is known is used to foretell what comes.

    Rows of the same moment stay together, so that no part knows what happens in another; unless
    a part would become smaller than half its share.

    Args:
        unseen: how many of the newest rows another version does not know, which is to be compared
            on the test. If they are fewer than 20 %, they alone are the test, and what is gained
            trains; unless they are too few to say anything.
    """
    order = np.argsort(moments, kind="stable").astype(np.intp)
    ordered, total = moments[order], len(moments)
    if unseen is not None and _FEWEST_UNSEEN <= unseen < total - int(total * _SHARES[1]):
        tested = total - unseen
        validated = ordered[tested - int(total * (_SHARES[1] - _SHARES[0]))]
        cuts = [int(np.searchsorted(ordered, validated)), tested]
        return _cut(order, cuts, "by time, the test on what the version that serves does not know")
    cuts = [int(np.searchsorted(ordered, ordered[int(total * share)])) for share in _SHARES]
    if np.diff([0, *cuts, total]).min() < total * _SMALLEST_SHARE:
        cuts = [int(total * share) for share in _SHARES]
    return _cut(order, cuts, "by time, the newest rows for the test")


def split_at_random(target: NDArray[Any], random_state: int, *, stratified: bool) -> Split:
    """Shuffle, and for classes keep their shares equal in all parts.

    Rows are dealt out in turn, class by class, so that a class of two or more rows has one in
    train; the row of a class of one goes to train as well.
    """
    generator = np.random.default_rng(random_state)
    order = generator.permutation(len(target)).astype(np.intp)
    if not stratified:
        cuts = [int(len(target) * share) for share in _SHARES]
        return _cut(order, cuts, "at random")
    _, codes, counts = np.unique(target, return_inverse=True, return_counts=True)
    order = order[np.argsort(codes[order], kind="stable")]
    # No two neighbours of the cycle are outside train.
    part = np.array([0, 1, 0, 2, 0])[np.arange(len(order)) % 5]
    part[counts[codes[order]] == 1] = 0
    train, validation, test = (generator.permutation(order[part == number]) for number in range(3))
    return Split(train, validation, test, "at random, with equal shares of the classes")


def require_classes(target: NDArray[Any], split: Split) -> None:
    """Check that there is something to tell apart in the training rows.

    Raises:
        UsageError: they have one class only.
    """
    if len(np.unique(target[split.train])) < 2:
        raise UsageError(
            "the training rows (the oldest 60 %) have one class only: give rows over a longer "
            "time, or exclude the time column to split at random"
        )


def _cut(order: Rows, cuts: list[int], how: str) -> Split:
    train, validation, test = np.split(order, cuts)
    return Split(train, validation, test, how)
