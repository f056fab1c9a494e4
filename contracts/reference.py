"""What the data of a version looked like when it was trained: what drift is measured against.

It lies beside the package, in a file of its own that the manifest names by its sha256. Times and
texts are left out: a time moves on by itself, and the log cannot count the words of a text.
"""

from msgspec import Struct

from contracts.drift_statistics import TimeSpread
from contracts.estimated_performance import Calibration
from contracts.events import FeatureValue
from contracts.packages import ReferenceFile, sha256


class Numbers(Struct, frozen=True, kw_only=True, tag_field="kind", tag="numeric"):
    """Numbers in bins.

    Args:
        edges: k rising inner edges, each a float32; a value equal to one lies in the bin above.
        counts: rows of the k + 1 bins.
        missing: rows without a number, and those with one beyond float32, which the log does not
            count either.
        mean, spread: of the numbers; spread: standard deviation. None: there are none.
    """

    edges: tuple[float, ...]
    counts: tuple[int, ...]
    missing: int
    mean: float | None = None
    spread: float | None = None

    @property
    def bins(self) -> list[int]:
        """All rows: the bins, and then those without a number."""
        return [*self.counts, self.missing]


class Categories(Struct, frozen=True, kw_only=True, tag_field="kind", tag="categorical"):
    """Words, classes, clusters or truth values, as the log writes them.

    Args:
        counts: the most frequent ones -> rows, the most frequent first.
        other: rows with another one.
    """

    counts: dict[str, int]
    other: int
    missing: int

    @property
    def bins(self) -> list[int]:
        """All rows: the categories, the others, and those without one."""
        return [*self.counts.values(), self.other, self.missing]


class Signal(Struct, frozen=True, kw_only=True):
    """One thing that is compared: a feature, or something of what the model answers.

    Args:
        name: what verdicts call it.
        source: the feature's name, or the place below `prediction` in the log.
        time: what stretches of time as long as a window add to its PSI by themselves.
        missing_rate, unknown_rate: shares of rows without a value, and with a category that is
            none of those counted, that windows of the training data may be expected to have.
    """

    name: str
    source: str
    distribution: Numbers | Categories
    time: TimeSpread = TimeSpread()
    missing_rate: float = 0.0
    unknown_rate: float = 0.0


class Estimate(Struct, frozen=True, kw_only=True):
    """What the model was worth by its own confidence on rows that it had not seen.

    Args:
        value: of the n `rows`.
        spread: standard error of the value, times the root of n.
        between: standard deviation from one stretch of time to the next beyond that.
    """

    name: str
    value: float
    rows: int
    spread: float
    between: float


class Sample(Struct, frozen=True, kw_only=True):
    """Some rows of the training data, to tell a window from.

    Args:
        columns: feature -> m values; of models with many features some of them.
        separabilities: how well blocks of the training data could be told from its other rows
            (`contracts.domain_classifier`), one for each block that was tried.
        block_rows: rows of each of those blocks.
    """

    columns: dict[str, list[FeatureValue]]
    separabilities: tuple[float, ...] = ()
    block_rows: int = 0

    @property
    def rows(self) -> int:
        """How many there are."""
        return len(next(iter(self.columns.values()), ()))


class Reference(Struct, frozen=True, kw_only=True):
    """Everything that windows of a version are compared with.

    Args:
        rows: of the training data.
        blocks: stretches of it, as long as a window, that the limits were tried on; 0: rows had
            no time, and are taken for independent.
        answers: signals of what the model answers, of rows that it had not seen.
        calibration, estimates: of classifiers with probabilities.
    """

    rows: int
    blocks: int
    features: tuple[Signal, ...]
    answers: tuple[Signal, ...] = ()
    calibration: Calibration | None = None
    estimates: tuple[Estimate, ...] = ()
    sample: Sample | None = None


def named(data: bytes) -> ReferenceFile:
    """How a manifest names it."""
    return ReferenceFile(sha256(data), len(data))
