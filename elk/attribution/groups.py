"""How often each value of a signal came in two times, and how sure the answers to it were: what is
asked, and the answer (pure).

The groups are the bins that the monitor compares; no document leaves the server.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

from msgspec import Struct

from contracts.signal_names import feature_of
from elk.attribution.asking import figures
from elk.attribution.course import CONFIDENCE
from elk.attribution.mix import Group, part_of_mix
from elk.dashboards.intervals import Span, within
from elk.dashboards.panels import TIMESTAMP, Filter

MOST_SIGNALS = 30
ANSWER = "prediction"
"""The signal that is the answer itself."""
_TIMES = ("before", "now")
_TWO = 2
_LEAST_OVERLAP = 0.2
_ROWS_OF_A_GROUP = 20
_MEAN = {"confidence": {"avg": {"field": CONFIDENCE}}}


class Grouped(Struct, frozen=True):
    """A signal in groups.

    Args:
        edges: of a number's bins; or
        categories: the words that have a group each.
    """

    signal: str
    edges: tuple[float, ...] = ()
    categories: tuple[str, ...] = ()

    @property
    def groups(self) -> list[str]:
        """What they are called; those in none and those without a value come last."""
        edges = [f"{edge:.4g}" for edge in self.edges]
        inner = [f"{low} to {high}" for low, high in pairwise(edges)]
        ranges = [f"below {edges[0]}", *inner, f"from {edges[-1]}"] if edges else []
        return [*ranges, *self.categories, "others", "no value"]

    @property
    def field(self) -> str:
        """Where the log has it."""
        feature = feature_of(self.signal)
        if feature is None:
            return "prediction.label"
        return f"features.{'num' if self.edges else 'cat'}.{feature}"


class Part(Struct, frozen=True, kw_only=True):
    """What another mixture of one signal's values has to do with a change.

    Args:
        part: of the difference between the two means, of the same sign where it explains it. Parts
            of several signals overlap and do not add up to the whole.
        group: a category or a range, the one whose share changed most.
        before, now: its shares.
        confident: mean confidence where the signal was in that group, in both times together.
        mean_before, mean: of a number.
    """

    signal: str
    part: float
    group: str
    before: float
    now: float
    confident: float | None = None
    mean_before: float | None = None
    mean: float | None = None


def grouped(documents: Sequence[Mapping[str, Any]]) -> Iterator[Grouped]:
    """The signals of drift documents, but for those that no group can be made of."""
    for document in documents:
        bins, signal = document.get("drift", {}).get("bins", {}), document["verdict"]["signal"]
        if feature_of(signal) is None and signal != ANSWER:
            continue
        edges, categories = bins.get("edges", ()), bins.get("categories", ())
        if edges and signal != ANSWER:
            yield Grouped(signal, edges=tuple(edges))
        elif categories:
            yield Grouped(signal, categories=tuple(map(str, categories)))


def groups_search(
    before: Span, now: Span, chosen: Sequence[Filter], signals: Sequence[Grouped]
) -> dict[str, Any]:
    """The search on the predictions."""
    inner: dict[str, Any] = {**_MEAN, "unlikely": {"filter": {"range": {CONFIDENCE: {"lt": 0.5}}}}}
    for number, signal in enumerate(signals):
        inner |= _aggregations(str(number), signal)
    either = Span(before.start, now.end)
    times = {
        name: {"filter": within(span, TIMESTAMP), "aggs": inner}
        for name, span in zip(_TIMES, (before, now), strict=True)
    }
    return figures(either, chosen, times)


def parts(answer: Mapping[str, Any], signals: Sequence[Grouped]) -> list[Part]:
    """Read the answer: one part for each signal, but for those whose values of the two times
    hardly overlap, as a weekday's of two days, so that nothing of the same kind can be compared,
    and those that have too few rows for so many groups."""
    times = [answer["aggregations"][name] for name in _TIMES]
    found = (_part(str(number), signal, times) for number, signal in enumerate(signals))
    return [part for part in found if part is not None]


def unlikely(answer: Mapping[str, Any], signals: Sequence[Grouped]) -> tuple[float, float] | None:
    """The shares of answers that were the less likely of two classes, before and now: those with
    less than a half of confidence, as a threshold or costs choose them. None: there are more."""
    classes = [signal.categories for signal in signals if signal.signal == ANSWER]
    if not classes or len(classes[0]) != _TWO:
        return None
    times = [answer["aggregations"][name] for name in _TIMES]
    before, now = (time["unlikely"]["doc_count"] / max(1, time["doc_count"]) for time in times)
    return before, now


def _aggregations(key: str, signal: Grouped) -> dict[str, Any]:
    field = {"field": signal.field}
    missing = {f"{key} missing": {"missing": field, "aggs": _MEAN}}
    if signal.edges:
        inner = [{"from": low, "to": high} for low, high in pairwise(signal.edges)]
        ranges = [{"to": signal.edges[0]}, *inner, {"from": signal.edges[-1]}]
        bins = {"range": {**field, "ranges": ranges}, "aggs": _MEAN}
        return {f"{key} bins": bins, f"{key} mean": {"avg": field}, **missing}
    names = list(signal.categories)
    terms = {**field, "include": names, "size": len(names)}
    return {f"{key} bins": {"terms": terms, "aggs": _MEAN}, **missing}


def _part(key: str, signal: Grouped, times: Sequence[Mapping[str, Any]]) -> Part | None:
    before, now = (_groups(key, signal, time) for time in times)
    part = part_of_mix(before, now)
    shares = list(zip(_shares(before), _shares(now), strict=True))
    fewest = min(sum(group.rows for group in time) for time in (before, now))
    if sum(map(min, shares)) < _LEAST_OVERLAP or fewest < _ROWS_OF_A_GROUP * len(before):
        return None
    means = [time.get(f"{key} mean", {}).get("value") for time in times]
    place = _moved_most(shares)
    return Part(
        signal=signal.signal,
        part=part,
        group=signal.groups[place],
        before=shares[place][0],
        now=shares[place][1],
        confident=_mean_of(before[place], now[place]),
        mean_before=means[0],
        mean=means[1],
    )


def _groups(key: str, signal: Grouped, time: Mapping[str, Any]) -> list[Group]:
    """In the order of the bins; then those that are in none, then those without a value."""
    buckets = time[f"{key} bins"]["buckets"]
    found = {str(bucket.get("key_as_string", bucket["key"])): _group(bucket) for bucket in buckets}
    if signal.edges:
        known = list(found.values())
    else:
        known = [found.get(name, Group(0)) for name in signal.categories]
    missing = _group(time[f"{key} missing"])
    return [*known, _rest(_group(time), [*known, missing]), missing]


def _group(bucket: Mapping[str, Any]) -> Group:
    return Group(bucket["doc_count"], bucket["confidence"]["value"])


def _rest(whole: Group, groups: Sequence[Group]) -> Group:
    rows = whole.rows - sum(group.rows for group in groups)
    if rows <= 0 or whole.mean is None:
        return Group(0)
    known = sum(group.rows * (group.mean or 0.0) for group in groups)
    return Group(rows, (whole.rows * whole.mean - known) / rows)


def _shares(groups: Sequence[Group]) -> list[float]:
    rows = sum(group.rows for group in groups) or 1
    return [group.rows / rows for group in groups]


def _moved_most(shares: Sequence[tuple[float, float]]) -> int:
    """Of two that only changed places, the one that comes more often now says more."""
    changes = [now - before for before, now in shares]
    return max(range(len(changes)), key=lambda n: (round(abs(changes[n]), 9), changes[n]))


def _mean_of(one: Group, other: Group) -> float | None:
    rows = one.rows + other.rows
    total = sum(group.rows * (group.mean or 0.0) for group in (one, other))
    return total / rows if rows else None
