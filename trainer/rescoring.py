"""A version scores the logged features of a past window again, beside what was served."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct

from contracts.errors import UsageError
from contracts.events import Anomaly, Classification, Clustering, FeatureValue, Outcome, Regression
from contracts.feature_schema import FeatureSchema
from contracts.model_store import ModelStore
from contracts.packages import Metrics
from contracts.settings import Settings
from prediction_log.served import read_served
from trainer.canaries.verdicts import stability_index
from trainer.deployments.versions import load_deployed
from trainer.logged import labelled_metrics, logged_outcome, logged_truth


class Rescored(Struct, frozen=True, kw_only=True):
    """What a version would have answered.

    Args:
        events: in the window; `rows`: those looked at; `unscored`: those it cannot score, with
            the first reason.
        versions: version that served -> rows.
        same: share of rows with the same class, cluster or verdict; for numbers the mean absolute
            difference is `difference`.
        distance: population stability index between the two distributions of answers.
        labelled: rows that have a label; `served` and `rescored` are the figures on them.
    """

    model: str
    version: str
    events: int
    rows: int
    unscored: int
    why_unscored: str
    versions: dict[str, int]
    same: float | None
    difference: float | None
    distance: float | None
    labelled: int
    served: Metrics
    rescored: Metrics


def rescore(
    settings: Settings,
    model: str,
    version: str | None,
    start: datetime | None,
    end: datetime | None,
    most: int,
) -> Rescored:
    """Score what was served in [start, end), by event time, with another version.

    Raises:
        UsageError: nothing was served then, or there is no such version.
        SignatureError, PackageError: a worker would refuse the version.
        UnreachableError: Elasticsearch or the store does not answer.
    """
    loaded = load_deployed(settings, model, ModelStore(settings.store_url).find(model, version))
    window = read_served(settings, model, start, end, most)
    if not window.sample:
        raise UsageError(f"no event of '{model}' was served in that window")
    schema, manifest = loaded.scorer.schema, loaded.manifest
    columns = schema.columns([_features(schema, one.features) for one in window.sample])
    problems = schema.problems(columns)
    fit = [number for number in range(len(window.sample)) if number not in problems]
    scored = loaded.scorer.predict([[column[number] for number in fit] for column in columns])
    pairs = [
        (window.sample[number], outcome)
        for number, outcome in zip(fit, scored, strict=True)
        if outcome is not None
    ]
    before = [logged_outcome(served.prediction) for served, _ in pairs]
    after = [outcome for _, outcome in pairs]
    labels = [served.label for served, _ in pairs]
    return Rescored(
        model=model,
        version=loaded.deployed.version,
        events=window.events,
        rows=len(window.sample),
        unscored=len(window.sample) - len(pairs),
        why_unscored=next(iter(problems.values()), ""),
        versions=dict(Counter(one.version for one in window.sample)),
        same=_same(before, after),
        difference=_difference(before, after),
        distance=_distance(before, after),
        labelled=sum(logged_truth(label, manifest) is not None for label in labels),
        served=labelled_metrics(zip(before, labels, strict=True), manifest),
        rescored=labelled_metrics(zip(after, labels, strict=True), manifest),
    )


def _features(schema: FeatureSchema, logged: dict[str, FeatureValue]) -> dict[str, FeatureValue]:
    """As they came: the log keeps booleans as text."""
    booleans = [feature.name for feature in schema.features if feature.kind == "boolean"]
    words: dict[FeatureValue, FeatureValue] = {"true": True, "false": False}
    return logged | {n: words.get(logged[n], logged[n]) for n in booleans if n in logged}


def _answer(outcome: Outcome | None) -> str | None:
    if isinstance(outcome, Classification):
        return outcome.label
    if isinstance(outcome, Clustering):
        return str(outcome.cluster)
    return str(outcome.is_anomaly) if isinstance(outcome, Anomaly) else None


def _same(before: Sequence[Outcome | None], after: Sequence[Outcome]) -> float | None:
    pairs = [(_answer(b), _answer(a)) for b, a in zip(before, after, strict=True)]
    known = [one == other for one, other in pairs if one is not None and other is not None]
    return sum(known) / len(known) if known else None


def _difference(before: Sequence[Outcome | None], after: Sequence[Outcome]) -> float | None:
    gaps = [
        abs(one.value - other.value)
        for one, other in zip(before, after, strict=True)
        if isinstance(one, Regression) and isinstance(other, Regression)
    ]
    return sum(gaps) / len(gaps) if gaps else None


def _distance(before: Sequence[Outcome | None], after: Sequence[Outcome]) -> float | None:
    was, is_ = (Counter(filter(None, map(_answer, some))) for some in (before, after))
    return stability_index(was, is_) if was and is_ else None
