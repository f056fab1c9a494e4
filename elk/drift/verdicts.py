"""Counts of a window beside their reference: figures, limits and a verdict per signal (pure)."""

from collections.abc import Sequence
from typing import Any, Literal

from msgspec import Struct
from scipy.stats import norm

from contracts.domain_classifier import separability_limit
from contracts.drift_statistics import (
    chi2_test,
    jensen_shannon,
    kolmogorov_smirnov,
    pooled,
    psi,
    psi_limit,
    rate_limit,
)
from contracts.estimated_performance import estimated_accuracy, estimated_roc_auc
from contracts.reference import Categories, Estimate, Numbers, Reference, Sample, Signal
from contracts.release_rules import MonitorRule
from contracts.signal_names import ESTIMATED_ACCURACY, TOGETHER
from elk.drift.searches import Counted, Observed, compared
from prediction_log.window_documents import DriftFigures, Verdict

NO_REFERENCE = "all signals"
Kind = Literal["numeric", "categorical", "multivariate", "estimate"]


class Measured(Struct, frozen=True):
    """One signal of a window."""

    figures: DriftFigures
    verdict: Verdict


class Told(Struct, frozen=True):
    """How well some rows of a window can be told from the sample of the reference."""

    separability: float
    rows: int


def without_reference() -> Measured:
    """What is said of a version that has none."""
    return Measured(
        DriftFigures(kind="multivariate"),
        Verdict(signal=NO_REFERENCE, statistic="none", state="unknown"),
    )


def too_few(reference: Reference, role: str) -> list[Measured]:
    """Of every signal that a window with more rows would be judged by, that there are too few.
    They are the same that `judge` speaks of, so that documents of the one replace the other's."""
    found = [_too_few(one.name, _kind(one), "psi") for one, _ in compared(reference, role)]
    found += [_too_few(one.name, "estimate", "estimate") for one in reference.estimates]
    if _tells(reference, role):
        found.append(_too_few(TOGETHER, "multivariate", "auc"))
    return found


def spoken_of(reference: Reference | None, role: str) -> int:
    """How many signals, and so documents, a window has."""
    return 1 if reference is None else len(too_few(reference, role))


def judge(
    reference: Reference, observed: Observed, rule: MonitorRule, role: str, told: Told | None
) -> list[Measured]:
    """Judge every signal of a window.

    All limits together are over in `false_alarms` of the windows without drift at most, so each
    gets its part of that (Bonferroni).

    Args:
        told: None where rows are too few for it, or the role has no features.
    """
    signals = compared(reference, role)
    features = len(signals) - len(reference.answers)
    words = sum(isinstance(one.distribution, Categories) for one, _ in signals[:features])
    tests = len(signals) + features + words + len(reference.estimates) + 1
    share = rule.false_alarms / tests
    found = [
        _signal(one, observed.signals[one.name], rule, tests, feature=number < features)
        for number, (one, _) in enumerate(signals)
    ]
    found += [_estimate(one, reference, observed, share) for one in reference.estimates]
    if _tells(reference, role):
        found.append(_together(reference.sample, told, share))
    return found


def _tells(reference: Reference, role: str) -> bool:
    return role != "shadow" and reference.sample is not None


def _too_few(signal: str, kind: Kind, statistic: str) -> Measured:
    return Measured(
        DriftFigures(kind=kind), Verdict(signal=signal, statistic=statistic, state="too_few")
    )


def _kind(signal: Signal) -> Kind:
    return "numeric" if isinstance(signal.distribution, Numbers) else "categorical"


def _signal(
    signal: Signal, counted: Counted, rule: MonitorRule, tests: int, *, feature: bool
) -> Measured:
    share = rule.false_alarms / tests
    before, now = signal.distribution.bins, counted.bins
    rows, rows_before = sum(now), sum(before)
    verdict = index = _stability(signal, before, now, rule, tests)
    words = isinstance(signal.distribution, Categories)
    missing, unknown = now[-1] / rows, now[-2] / rows if words else None
    if feature:
        limit = rate_limit(signal.missing_rate, rows, share)
        rates = [_verdict(signal.name, "missing", missing, limit)]
        if unknown is not None:
            limit = rate_limit(signal.unknown_rate, rows, share)
            rates.append(_verdict(signal.name, "unknown", unknown, limit))
        rate = max(rates, key=_ratio)
        known = slice(-2 if words else -1)
        # Gaps and new categories move the PSI too; they are the verdict if the rest has not moved.
        if rate.state == "over" and _same(signal, before[known], now[known], rule, tests):
            verdict = rate
        else:
            verdict = max([index, rate], key=_ratio)
    statistic, p_value = (
        chi2_test(before, now) if words else kolmogorov_smirnov(before[:-1], now[:-1])
    )
    distribution = signal.distribution
    figures = DriftFigures(
        kind=_kind(signal),
        psi=index.value,
        jensen_shannon=jensen_shannon(before, now),
        chi2=statistic if words else None,
        ks=None if words else statistic,
        p_value=p_value,
        missing=missing,
        missing_before=before[-1] / rows_before,
        unknown=unknown,
        mean=counted.mean,
        mean_before=None if isinstance(distribution, Categories) else distribution.mean,
        spread=counted.spread,
        spread_before=None if isinstance(distribution, Categories) else distribution.spread,
        bins=_bins(signal, now),
    )
    return Measured(figures, verdict)


def _stability(
    signal: Signal, before: Sequence[int], now: Sequence[int], rule: MonitorRule, tests: int
) -> Verdict:
    one, other = pooled(before, now)
    limit = psi_limit(one, sum(now), signal.time, rule.false_alarms, tests)
    return _verdict(signal.name, "psi", psi(one, other), limit)


def _same(
    signal: Signal, before: Sequence[int], now: Sequence[int], rule: MonitorRule, tests: int
) -> bool:
    if not sum(before) or not sum(now):
        return True
    return _stability(signal, before, now, rule, tests).state == "ok"


def _ratio(verdict: Verdict) -> float:
    return verdict.ratio or 0.0


def _bins(signal: Signal, now: Sequence[int]) -> dict[str, Any]:
    distribution = signal.distribution
    both = {"reference": distribution.bins, "window": list(now)}
    if isinstance(distribution, Numbers):
        return {"edges": distribution.edges, **both}
    return {"categories": list(distribution.counts), **both}


def _verdict(signal: str, statistic: str, value: float, limit: float) -> Verdict:
    ratio = value / limit
    return Verdict(
        signal=signal,
        statistic=statistic,
        state="over" if ratio > 1 else "ok",
        value=value,
        limit=limit,
        ratio=ratio,
    )


def _estimate(before: Estimate, reference: Reference, observed: Observed, share: float) -> Measured:
    """Worse than the reference by more than chance and time explain; better is no alarm. The ratio
    is how much of the way to the limit has been gone."""
    scores, calibration = observed.scores, reference.calibration
    if scores is None or calibration is None or not scores.rows.sum():
        return _too_few(before.name, "estimate", "estimate")
    estimate = estimated_accuracy if before.name == ESTIMATED_ACCURACY else estimated_roc_auc
    value = estimate(scores, calibration)
    if value is None:
        return _too_few(before.name, "estimate", "estimate")
    chance = before.spread**2 * (1 / float(scores.rows.sum()) + 1 / before.rows)
    margin = float(norm.isf(share)) * (chance + before.between**2) ** 0.5
    ratio = max(0.0, before.value - value) / max(margin, 1e-9)
    verdict = Verdict(
        signal=before.name,
        statistic="estimate",
        state="over" if ratio > 1 else "ok",
        value=value,
        limit=before.value - margin,
        ratio=ratio,
    )
    figures = DriftFigures(kind="estimate", estimate=value, estimate_before=before.value)
    return Measured(figures, verdict)


def _together(sample: Sample | None, told: Told | None, share: float) -> Measured:
    """The ratio counts from 0.5, where nothing can be told apart."""
    if sample is None or told is None:
        return _too_few(TOGETHER, "multivariate", "auc")
    blocks = sample.separabilities
    limit = separability_limit(blocks, sample.block_rows, sample.rows, told.rows, share)
    ratio = max(0.0, told.separability - 0.5) / (limit - 0.5)
    before = sum(blocks) / len(blocks) if blocks else 0.5
    return Measured(
        DriftFigures(kind="multivariate", auc=told.separability, auc_before=before),
        Verdict(
            signal=TOGETHER,
            statistic="auc",
            state="over" if ratio > 1 else "ok",
            value=told.separability,
            limit=limit,
            ratio=ratio,
        ),
    )
