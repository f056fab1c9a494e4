"""What becomes of a canary: its evidence beside the champion's, by the rule of its recipe. Pure."""

import math
from collections.abc import Mapping
from datetime import timedelta
from typing import Literal

from msgspec import Struct

from contracts.model_events import Check
from contracts.packages import Metrics
from contracts.release_rules import CanaryRule
from trainer.gate.checks import compared_metrics

LEAST_EVENTS_TO_ALARM = 50
"""Events of a canary before its failures alone end it."""
_CONFIDENCE = 2.326
"""Standard normal quantile of .99: one of a hundred good canaries may be taken for a bad one."""
_SMOOTHED = 0.5
"""Added to every count, so that an answer only one of them gives is no infinite distance."""

Decision = Literal["promote", "roll back", "wait"]


class Shown(Struct, frozen=True, kw_only=True):
    """What one version has shown: counts, the median of a predict call, and figures on labels."""

    predictions: int
    failures: int
    inference_ms: float | None
    answers: Mapping[str, int]
    labels: int
    metrics: Metrics

    @property
    def error_rate(self) -> float:
        """The share of events that it could not score."""
        events = self.predictions + self.failures
        return self.failures / events if events else 0.0


class Verdict(Struct, frozen=True):
    """What to do, why in words, and the figures."""

    decision: Decision
    why: str
    checks: tuple[Check, ...]


def verdict(rule: CanaryRule, champion: Shown, canary: Shown, age: timedelta) -> Verdict:
    """Decide about a canary.

    A canary that clearly fails on events ends at once. Otherwise there must be enough evidence of
    both; then every check must pass.

    Args:
        age: since the canary began.
    """
    checks = tuple(_checks(rule, champion, canary))
    if _alarming(rule, champion, canary):
        return Verdict("roll back", "it fails on events that the champion can score", checks)
    missing = _missing(rule, champion, canary)
    if missing and age >= timedelta(hours=rule.hours):
        return Verdict("roll back", f"not enough evidence in {rule.hours:g} h: {missing}", checks)
    if missing:
        return Verdict("wait", f"not enough evidence yet: {missing}", checks)
    failed = [check.name for check in checks if not check.passed]
    if failed:
        return Verdict("roll back", f"not good enough: {', '.join(failed)}", checks)
    return Verdict("promote", "every check passed", checks)


def _missing(rule: CanaryRule, champion: Shown, canary: Shown) -> str:
    for name, shown in (("canary", canary), ("champion", champion)):
        if shown.predictions < rule.least_predictions:
            return f"{shown.predictions:,} of {rule.least_predictions:,} predictions of the {name}"
        if shown.labels < rule.least_labels:
            return f"{shown.labels:,} of {rule.least_labels:,} labels of the {name}"
    return ""


def _alarming(rule: CanaryRule, champion: Shown, canary: Shown) -> bool:
    """Whether the canary's error rate is beyond its limit by more than chance (Wilson 1927)."""
    events = canary.predictions + canary.failures
    if events < LEAST_EVENTS_TO_ALARM:
        return False
    return wilson_lower(canary.failures, events) > champion.error_rate + rule.error_rate_margin


def wilson_lower(successes: int, trials: int) -> float:
    """The lower end of the one-sided 99 % Wilson interval of a share."""
    share, z2 = successes / trials, _CONFIDENCE**2
    middle = share + z2 / (2 * trials)
    spread = _CONFIDENCE * math.sqrt(share * (1 - share) / trials + z2 / (4 * trials**2))
    return max(0.0, (middle - spread) / (1 + z2 / trials))


def _checks(rule: CanaryRule, champion: Shown, canary: Shown) -> list[Check]:
    most = champion.error_rate + rule.error_rate_margin
    checks = [
        Check(
            name="error rate",
            value=canary.error_rate,
            champion=champion.error_rate,
            limit=f"at most {rule.error_rate_margin:g} more",
            passed=canary.error_rate <= most,
        )
    ]
    if champion.inference_ms is not None and canary.inference_ms is not None:
        checks.append(
            Check(
                name="predict call, ms",
                value=canary.inference_ms,
                champion=champion.inference_ms,
                limit=f"at most {rule.latency_factor:g} times",
                passed=canary.inference_ms <= champion.inference_ms * rule.latency_factor,
            )
        )
    if champion.answers and canary.answers:
        distance = stability_index(champion.answers, canary.answers)
        checks.append(
            Check(
                name="distance of predictions (PSI)",
                value=distance,
                limit=f"at most {rule.distance_limit:g}",
                passed=distance <= rule.distance_limit,
            )
        )
    if rule.metrics and canary.labels and champion.labels:
        checks += compared_metrics(rule.metrics, canary.metrics, champion.metrics)
    return checks


def stability_index(expected: Mapping[str, int], found: Mapping[str, int]) -> float:
    """The population stability index between two distributions of counts (Lewis 1994)."""
    bins = expected.keys() | found.keys()
    all_expected = sum(expected.values()) + _SMOOTHED * len(bins)
    all_found = sum(found.values()) + _SMOOTHED * len(bins)
    total = 0.0
    for one in bins:
        was = (expected.get(one, 0) + _SMOOTHED) / all_expected
        is_ = (found.get(one, 0) + _SMOOTHED) / all_found
        total += (is_ - was) * math.log(is_ / was)
    return total
