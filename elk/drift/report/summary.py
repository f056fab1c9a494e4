"""What a report says in words: which signals moved, when, and what to make of it (pure)."""

from collections.abc import Iterator
from datetime import datetime

from msgspec import Struct

from contracts.signal_names import ESTIMATED_ACCURACY, TOGETHER
from elk.drift.report.reading import DriftReport
from prediction_log.window_documents import DriftDocument, Verdict

STATES = {"ok": "within its limit", "over": "over its limit", "too_few": "too few rows"}


class SignalSummary(Struct, frozen=True, kw_only=True):
    """One signal over all windows.

    Args:
        over: windows in which it was over its limit, of `judged` that say something.
        worst: the greatest ratio to the limit; `newest`: that of the newest window.
    """

    signal: str
    kind: str
    over: int
    judged: int
    worst: float | None
    newest: float | None


def signals(report: DriftReport) -> list[SignalSummary]:
    """All signals: those that are over in most windows first, then by their worst ratio."""
    found = [_signal(name, documents) for name, documents in report.documents.items()]
    return sorted(found, key=lambda one: (-one.over, -(one.worst or 0.0), one.signal))


def _signal(name: str, documents: tuple[DriftDocument | None, ...]) -> SignalSummary:
    verdicts = [document.verdict for document in documents if document is not None]
    ratios = [verdict.ratio for verdict in verdicts if verdict.ratio is not None]
    last = documents[-1]
    return SignalSummary(
        signal=name,
        kind=next(one.drift.kind for one in documents if one is not None),
        over=sum(verdict.state == "over" for verdict in verdicts),
        judged=len(ratios),
        worst=max(ratios, default=None),
        newest=None if last is None else last.verdict.ratio,
    )


def over_windows(report: DriftReport) -> list[int]:
    """How many signals are over their limits, window by window."""
    return [
        sum(
            document is not None and document.verdict.state == "over"
            for document in (documents[number] for documents in report.documents.values())
        )
        for number in range(len(report.windows))
    ]


def headline(report: DriftReport) -> str:
    """The answer to: is it drifting?"""
    counts = over_windows(report)
    judged = _judged(report)
    if not judged:
        return "It cannot be said: no window has enough rows, or there is no reference."
    drifting = sum(1 for count in counts if count)
    if not drifting:
        return f"No: in none of {_windows(judged)} is any signal over its limit."
    newest = counts[-1]
    now = (
        f"in the newest window {_signals(newest)}"
        if newest
        else "in the newest window none is over the limit"
    )
    return f"Yes: in {drifting} of {_windows(judged)} something is over its limit; {now}."


def sentences(report: DriftReport) -> Iterator[str]:
    """What else is worth saying, most important first."""
    ranked = [one for one in signals(report) if one.over]
    for one in ranked[:5]:
        document = _worst_document(report, one.signal)
        yield (
            f"{one.signal}: over its limit in {one.over} of {_windows(one.judged)}; furthest in "
            f"the window from {moment(document.window.start)}, {words(document)}."
        )
    if len(ranked) > 5:
        yield f"{len(ranked) - 5} more signals were over their limits at some time."
    estimates = [
        one for one in report.documents.get(ESTIMATED_ACCURACY, ()) if one and one.drift.estimate
    ]
    if estimates:
        last = estimates[-1].drift
        yield (
            f"By its own confidence the model is right in {last.estimate:.1%} of the newest "
            f"window, {last.estimate_before:.1%} on rows it had not seen at training. That holds "
            "if the same features still lead to the same outcomes; labels alone can tell."
        )


def words(document: DriftDocument) -> str:
    """A verdict as half a sentence."""
    verdict, drift = document.verdict, document.drift
    if verdict.ratio is None:
        return STATES.get(verdict.state, "nothing to compare with")
    beside = f"{number(verdict.value)} beside a limit of {number(verdict.limit)}"
    if verdict.statistic == "missing":
        return f"{verdict.value:.1%} of rows without a value beside {drift.missing_before:.1%}"
    if verdict.statistic == "unknown":
        return f"{verdict.value:.1%} of rows with a category that is new or rare"
    if verdict.signal == TOGETHER:
        return f"rows are told from the training data with an AUC of {beside}"
    if drift.kind == "estimate":
        return f"{number(drift.estimate)}, before {number(drift.estimate_before)}"
    if drift.mean is not None and drift.mean_before is not None:
        return f"PSI {beside}; mean {number(drift.mean)}, in training {number(drift.mean_before)}"
    return f"PSI {beside}{_moved(document)}"


def _moved(document: DriftDocument) -> str:
    """The category whose share changed most."""
    bins = document.drift.bins or {}
    names = bins.get("categories")
    if not names:
        return ""
    before, now = bins["reference"], bins["window"]
    shares = [(a / sum(before), b / sum(now)) for a, b in zip(before, now, strict=True)]
    place = max(range(len(shares)), key=lambda n: abs(shares[n][1] - shares[n][0]))
    name = [*names, "other categories", "no value"][place]
    return f"; most of all '{name}': {shares[place][1]:.1%}, in training {shares[place][0]:.1%}"


def verdict_words(verdict: Verdict | None) -> str:
    """The state of a verdict for a table, not by colour alone."""
    if verdict is None:
        return "–"
    return {"ok": "ok", "over": "OVER", "too_few": "too few"}.get(verdict.state, "unknown")


def moment(value: datetime) -> str:
    """A time; its hour only where it says something."""
    return f"{value:%Y-%m-%d %H:%M}" if value.hour or value.minute else f"{value:%Y-%m-%d}"


def number(value: float | None) -> str:
    """Three significant digits."""
    if value is None:
        return "–"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def _worst_document(report: DriftReport, signal: str) -> DriftDocument:
    known = [document for document in report.documents[signal] if document is not None]
    return max(known, key=lambda document: document.verdict.ratio or 0.0)


def _judged(report: DriftReport) -> int:
    return sum(
        any(
            documents[number] is not None and documents[number].verdict.ratio is not None  # type: ignore[union-attr]
            for documents in report.documents.values()
        )
        for number in range(len(report.windows))
    )


def _windows(count: int) -> str:
    return "one window" if count == 1 else f"{count} windows"


def _signals(count: int) -> str:
    return "one signal is over" if count == 1 else f"{count} signals are over theirs"
