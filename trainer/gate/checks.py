"""The gate: a candidate's figures against the limits of its recipe and the champion. Pure."""

from collections.abc import Iterator, Mapping

from msgspec import Struct
from msgspec.structs import replace

from contracts.errors import MillraceError
from contracts.model_events import Check
from contracts.packages import Metrics
from contracts.release_rules import (
    HIGHER_IS_BETTER,
    LOWER_IS_BETTER,
    Gate,
    Limit,
    telling_metric,
)

DEFAULT_MARGIN = 0.02
"""How much worse than the champion's a score between 0 and 1 may be where a recipe says nothing."""
LEAST_ROWS_TO_COMPARE = 200
"""With fewer the default comparison would be chance: the standard error of an AUC is some .03."""
BETTER = -1e-9
"""`worse_by` of a figure that must be better by whatever it is, if by more than rounding: one step
of an AUC or accuracy over the most held-out rows that a package has is greater."""


class Timings(Struct, frozen=True):
    """Medians of a call of the model, in milliseconds; `rows` in the batch."""

    one_row_ms: float
    batch_ms: float
    rows: int


class GateReport(Struct, frozen=True, kw_only=True):
    """What the gate saw, check by check."""

    model: str
    version: str
    champion: str | None
    rows: int
    checks: tuple[Check, ...]

    @property
    def passed(self) -> bool:
        """Whether nothing speaks against the candidate."""
        return all(check.passed for check in self.checks)

    @property
    def failures(self) -> str:
        """What speaks against it, in words."""
        return "; ".join(_words(check) for check in self.checks if not check.passed)


class GateError(MillraceError):
    """The gate refuses a candidate; `report` says why."""

    exit_status = 4

    def __init__(self, report: GateReport) -> None:
        super().__init__(
            f"the gate refuses version {report.version} of '{report.model}': {report.failures}. "
            "Train a better one, or overrule the gate with --force --reason TEXT"
        )
        self.report = report


def compared(
    gate: Gate,
    rows: int,
    candidate: Metrics | None,
    champion: Metrics | str | None,
    *,
    better: bool = False,
) -> Iterator[Check]:
    """Hold the figures of held-out rows against the limits.

    Args:
        rows: how many there are.
        candidate: its figures on them, None if the package has no such rows.
        champion: its figures on the same rows, or why there are none, or None: there is none.
        better: the telling figure must be better than the champion's, whatever the recipe says.
    """
    if gate.minimum_rows or candidate is not None:
        yield Check(
            name="held-out rows",
            value=float(rows),
            limit=f"at least {gate.minimum_rows:,}" if gate.minimum_rows else "",
            passed=rows >= gate.minimum_rows,
        )
    limits = gate.metrics or _default(rows, candidate, champion)
    if better and champion is not None:
        telling = _telling(candidate or {}, champion)
        if telling is None:
            note = "the two have no figure on the held-out rows that says which is better"
            yield Check(name="better than the champion", passed=False, note=note)
        else:
            limits = limits | {telling: _must_be_better(limits.get(telling, Limit()))}
    yield from compared_metrics(limits, candidate or {}, champion)


def compared_metrics(
    limits: Mapping[str, Limit], candidate: Metrics, champion: Metrics | str | None
) -> Iterator[Check]:
    """Hold figures against their limits; `champion` as in `compared`."""
    for name, limit in limits.items():
        yield _metric(name, limit, candidate, champion)


def timed(gate: Gate, timings: Timings) -> Iterator[Check]:
    """Hold the times of a call against the budget."""
    budget = gate.latency
    for name, value, most in (
        ("one row, ms", timings.one_row_ms, budget.one_row_ms),
        (f"{timings.rows:,} rows, ms", timings.batch_ms, budget.batch_ms),
    ):
        yield Check(
            name=name,
            value=value,
            limit="" if most is None else f"at most {most:g}",
            passed=most is None or value <= most,
        )


def _default(
    rows: int, candidate: Metrics | None, champion: Metrics | str | None
) -> dict[str, Limit]:
    if candidate is None or champion is None or rows < LEAST_ROWS_TO_COMPARE:
        return {}
    telling = _telling(candidate, champion)
    return {} if telling is None else {telling: Limit(worse_by=DEFAULT_MARGIN)}


def _telling(candidate: Metrics, champion: Metrics | str) -> str | None:
    both = candidate if isinstance(champion, str) else candidate.keys() & champion.keys()
    return telling_metric(both)


def _must_be_better(limit: Limit) -> Limit:
    asked = BETTER if limit.worse_by is None else min(limit.worse_by, BETTER)
    return replace(limit, worse_by=asked)


def _metric(name: str, limit: Limit, candidate: Metrics, champion: Metrics | str | None) -> Check:
    value = candidate.get(name)
    other = champion.get(name) if isinstance(champion, dict) else None
    wanted = [
        *([f"at least {limit.at_least:g}"] if limit.at_least is not None else []),
        *([f"at most {limit.at_most:g}"] if limit.at_most is not None else []),
        *([_relative(limit.worse_by)] if limit.worse_by is not None else []),
    ]
    passed, note = True, ""
    if value is None:
        passed, note = False, "the held-out rows do not give this figure"
    else:
        passed = (limit.at_least is None or value >= limit.at_least) and (
            limit.at_most is None or value <= limit.at_most
        )
        if limit.worse_by is not None and isinstance(champion, str):
            passed, note = False, champion
        elif limit.worse_by is not None and champion is not None and other is None:
            passed, note = False, "the champion does not give this figure"
        elif limit.worse_by is not None and other is not None:
            passed &= worse(name, value, other) <= limit.worse_by
    return Check(
        name=name,
        value=value,
        champion=other,
        limit=", ".join(wanted),
        passed=passed,
        note=note,
    )


def worse(name: str, value: float, champion: float) -> float:
    """How much worse a figure is than the champion's; below 0: better.

    Raises:
        KeyError: nobody knows which direction is better; recipes cannot name such a metric.
    """
    if name in HIGHER_IS_BETTER:
        return champion - value
    if name in LOWER_IS_BETTER:
        return value - champion
    raise KeyError(name)


def _relative(margin: float) -> str:
    if margin > 0:
        return f"at most {margin:g} worse than the champion"
    if margin == BETTER:
        return "better than the champion"
    return f"at least {-margin:g} better than the champion" if margin else "no worse"


def _words(check: Check) -> str:
    if check.note:
        return f"{check.name}: {check.note}"
    than = f" (champion {check.champion:.4g})" if check.champion is not None else ""
    return f"{check.name} is {check.value:.4g}{than}, wanted {check.limit}"
