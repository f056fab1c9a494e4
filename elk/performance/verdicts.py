"""Figures of a window beside their limits (pure).

A figure is over its limit only if even the better end of its interval is: few rows do not alarm.
"""

from collections.abc import Mapping, Sequence

from contracts.packages import Metrics
from contracts.release_rules import (
    HIGHER_IS_BETTER,
    LOWER_IS_BETTER,
    Limit,
    MonitorRule,
    telling_metric,
)
from prediction_log.window_documents import PerformanceFigures, State, Verdict

_MARGIN = 0.05
_ORDER = ("over", "ok", "unknown", "too_few")
"""Worst first; what says something before what does not."""


def verdicts(
    rule: MonitorRule, held_out: Metrics, found: PerformanceFigures
) -> tuple[Verdict, ...]:
    """Hold the figures of a window against the rule, worst first.

    Args:
        held_out: the figures of the version on rows that it was not fitted on.
    """
    judged = [
        _judge(rule, name, limit, held_out.get(name), found)
        for name, limit in (rule.metrics or _default(held_out)).items()
    ]
    return tuple(sorted(judged, key=lambda one: (_ORDER.index(one.state), -(one.ratio or 0.0))))


def worst(judged: Sequence[Verdict], enough: bool) -> Verdict:
    """The first of them, or that there is nothing to compare with.

    Args:
        enough: rows.
    """
    if judged:
        return judged[0]
    state: State = "unknown" if enough else "too_few"
    return Verdict(signal="performance", statistic="", state=state)


def _default(held_out: Metrics) -> Mapping[str, Limit]:
    telling = telling_metric(held_out)
    return {} if telling is None else {telling: Limit(worse_by=_MARGIN)}


def _judge(
    rule: MonitorRule,
    name: str,
    limit: Limit,
    held_out: float | None,
    found: PerformanceFigures,
) -> Verdict:
    value = found.metrics.get(name)
    if found.labelled < rule.least_rows:
        return Verdict(signal=name, statistic=name, state="too_few", value=value)
    least, most = _bounds(name, limit, held_out)
    low, high = found.low.get(name), found.high.get(name)
    if value is None or low is None or high is None or least is most is None:
        return Verdict(signal=name, statistic=name, state="unknown", value=value)
    # How far beyond each bound the interval begins, in units of what is tolerated.
    unit = limit.worse_by if limit.worse_by and limit.worse_by > 0 else None
    sides = [
        (1.0 + (bound - end) * sign / (unit or abs(bound) or 1.0), bound)
        for bound, end, sign in ((least, high, 1.0), (most, low, -1.0))
        if bound is not None
    ]
    ratio, bound = max(sides)
    return Verdict(
        signal=name,
        statistic=name,
        state="over" if ratio > 1.0 else "ok",
        value=value,
        limit=bound,
        ratio=ratio,
    )


def _bounds(name: str, limit: Limit, held_out: float | None) -> tuple[float | None, float | None]:
    """The least and the most that a figure may be."""
    least, most = limit.at_least, limit.at_most
    if limit.worse_by is not None and held_out is not None:
        if name in HIGHER_IS_BETTER:
            worst_allowed = held_out - limit.worse_by
            least = worst_allowed if least is None else max(least, worst_allowed)
        elif name in LOWER_IS_BETTER:
            worst_allowed = held_out + limit.worse_by
            most = worst_allowed if most is None else min(most, worst_allowed)
    return least, most
