"""Ask the gate: the champion scores the candidate's held-out rows, and both are timed."""

import time
from statistics import median

from contracts.deployments import DeployedVersion, Deployment
from contracts.errors import MillraceError
from contracts.evaluation import classes_of, outcome_metrics
from contracts.feature_schema import FeatureSchema
from contracts.model_events import Check
from contracts.model_store import ModelStore
from contracts.packages import Manifest, Metrics
from contracts.scorer import Columns, Scorer
from contracts.settings import Settings
from contracts.side_files import from_bytes
from trainer.deployments.versions import LoadedVersion, load_deployed
from trainer.gate.checks import GateReport, Timings, compared, timed
from trainer.gate.holdout import HeldOut

_CALLS = 15


def ask_gate(
    settings: Settings,
    model: str,
    version: DeployedVersion,
    before: Deployment | None,
    *,
    better: bool = False,
) -> GateReport:
    """Load a candidate as a worker would, and hold it against the gate.

    Args:
        before: the deployment in force, whose champion it is compared with.
        better: it must be better than the champion by the telling figure.

    Raises:
        SignatureError, PackageError: a worker would refuse the candidate.
        UnreachableError: the store does not answer.
    """
    candidate = load_deployed(settings, model, version)
    champion, held_out = _champion(settings, before), _held_out(settings, candidate)
    return examine(candidate, champion, held_out, better=better)


def examine(
    candidate: LoadedVersion,
    champion: LoadedVersion | str | None,
    held_out: HeldOut | None,
    *,
    better: bool = False,
) -> GateReport:
    """Look at a candidate that has been loaded, and so has passed its golden samples.

    The candidate's own figures are those of its manifest: they were taken before it was fitted on
    these rows, if it ever was.

    Args:
        champion: None: there is none; a text: why it cannot be compared.
        held_out: the candidate's held-out rows, if its package has any.
        better: as in `ask_gate`.
    """
    manifest = candidate.manifest
    figures = manifest.holdout.metrics if manifest.holdout else None
    checks = [Check(name="golden samples", value=float(len(manifest.golden)), passed=True)]
    against: Metrics | str | None
    if isinstance(champion, LoadedVersion):
        number: str | None = champion.deployed.version
        against = _figures(champion, held_out)
    else:
        number, against = None, champion
    rows = manifest.holdout.rows if manifest.holdout else 0
    checks += compared(manifest.gate, rows, figures, against, better=better)
    checks += timed(manifest.gate, _timings(candidate.scorer, manifest))
    return GateReport(
        model=manifest.model,
        version=manifest.version,
        champion=number,
        rows=rows,
        checks=tuple(checks),
    )


def _figures(champion: LoadedVersion, held_out: HeldOut | None) -> Metrics | str:
    if held_out is None:
        return "the candidate's package has no held-out rows"
    lacking = _lacking(champion.scorer.schema, held_out)
    if lacking:
        return f"the champion needs '{lacking}', which the held-out rows do not have"
    if champion.manifest.task != held_out.task:
        return f"the champion is a model for {champion.manifest.task}"
    try:
        outcomes = champion.scorer.predict(held_out.columns(champion.scorer.schema))
        manifest = champion.manifest
        return outcome_metrics(
            outcomes, held_out.truth, classes_of(manifest, held_out.truth), manifest.costs
        )
    except Exception as error:  # an estimator may raise anything, and foretell other targets
        return f"the champion cannot be compared on the held-out rows: {error!r}"


def _lacking(schema: FeatureSchema, held_out: HeldOut) -> str | None:
    needed = (feature.name for feature in schema.features if not feature.nullable)
    return next((name for name in needed if name not in held_out.features), None)


def _timings(scorer: Scorer, manifest: Manifest) -> Timings:
    """Medians, since this machine does other things as well."""
    row = manifest.golden[0].features
    size = manifest.gate.latency.batch_rows
    samples = [golden.features for golden in manifest.golden]
    batch = [samples[number % len(samples)] for number in range(size)]
    one, many = scorer.schema.columns([row]), scorer.schema.columns(batch)
    return Timings(_milliseconds(scorer, one), _milliseconds(scorer, many), size)


def _milliseconds(scorer: Scorer, columns: Columns) -> float:
    inputs = scorer.inputs(columns)

    def once() -> float:
        began = time.perf_counter()
        scorer.answer(inputs)
        return (time.perf_counter() - began) * 1000

    return round(median(once() for _ in range(_CALLS)), 3)


def _champion(settings: Settings, before: Deployment | None) -> LoadedVersion | str | None:
    """What a candidate is compared with, or why it cannot be."""
    if before is None:
        return None
    try:
        return load_deployed(settings, before.model, before.champion)
    except MillraceError as error:
        return f"the champion cannot be loaded here: {error}"


def _held_out(settings: Settings, candidate: LoadedVersion) -> HeldOut | None:
    holdout = candidate.manifest.holdout
    if holdout is None:
        return None
    store = ModelStore(settings.store_url)
    data = store.holdout(candidate.manifest.model, candidate.deployed.digest)
    return from_bytes(data, holdout.sha256, HeldOut, "the held-out rows")
