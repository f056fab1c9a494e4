"""How a model is shown to people: its features and its figures."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from cli.output import print_lines, print_table
from contracts.model_events import Check
from contracts.packages import Manifest, Metrics, Target

SETS = ("validation", "test")
FIGURES = (
    *("rows", "accuracy", "precision", "recall", "f1", "roc_auc", "log_loss", "brier"),
    *("calibration_error", "cost", "mae", "rmse", "r2", "clusters", "silhouette"),
    "share_of_anomalies",
)
_COUNTS = frozenset({"rows", "clusters"})


def print_origin(manifest: Manifest, digest: str, deployed: str) -> None:
    """Where a version comes from, and what it is."""
    data = manifest.data
    print_lines(
        {
            "deployed": deployed,
            "task": manifest.task,
            "estimator": manifest.estimator,
            "classes": ", ".join(manifest.classes),
            "trained": f"{minute(manifest.created_at)} UTC by {manifest.created_by}",
            "parent": manifest.parent,
            "targets": ", ".join(_target(target) for target in manifest.targets),
            "data": f"{data.source}, {data.rows:,} rows, target {data.target or 'none'}",
            "window": f"{minute(data.start)} to {minute(data.end)} UTC" if data.start else "",
            "fingerprint": data.fingerprint,
            "libraries": ", ".join(f"{name} {v}" for name, v in manifest.libraries.items()),
            "payload": f"{manifest.payload.size:,} bytes ({manifest.payload.format})",
            "tuned": tuning_words(manifest),
            "held out": f"{manifest.holdout.rows:,} rows" if manifest.holdout else "",
            "onnx": f"{manifest.onnx.size:,} bytes" if manifest.onnx else _why_none(manifest),
            "digest": digest,
        }
    )


def tuning_words(manifest: Manifest) -> str:
    """How the parameters were found, if they were looked for."""
    tuning = manifest.tuning
    if tuning is None:
        return ""
    failed = f", {tuning.failed} of them failed" if tuning.failed else ""
    chosen = ", ".join(
        f"{name} {value:.4g}" if isinstance(value, float) else f"{name} {value}"
        for name, value in sorted(tuning.parameters.items())
    )
    return (
        f"{tuning.trials} trials{failed}; the best has {tuning.metric} "
        f"{figure(tuning.metric, tuning.best)} on validation: {chosen}"
    )


def _target(target: Target) -> str:
    return f"{target.name} ({', '.join(target.classes)})" if target.classes else target.name


def _why_none(manifest: Manifest) -> str:
    return f"none: {manifest.why_no_onnx}" if manifest.why_no_onnx else ""


def print_features(manifest: Manifest) -> None:
    """The features with their kinds, and the columns that were left out with the reason."""
    features = manifest.schema.features
    print_table(
        f"{len(features)} features",
        ("feature", "kind", "may be missing"),
        [(f.name, f.kind, "yes" if f.nullable else "no") for f in features],
    )
    if manifest.data.left_out:
        print_table("left out", ("column", "why"), manifest.data.left_out.items())


def print_parameters(manifest: Manifest) -> None:
    """How the estimator was set, and by which choices it was made."""
    print_table("parameters", ("", ""), sorted(manifest.parameters.items()))


def print_metrics(manifest: Manifest) -> None:
    """One row per figure, one column per data set; and what counts as yes with two classes."""
    costs = manifest.costs
    sets = _ordered(manifest.metrics, SETS)
    names = _ordered({n for figures in manifest.metrics.values() for n in figures}, FIGURES)
    print_table(
        "figures",
        ("", *sets),
        [(name, *(figure(name, manifest.metrics[s].get(name)) for s in sets)) for name in names],
    )
    if manifest.threshold is not None and len(manifest.classes) == 2:
        print_lines(
            {
                "threshold": f"'{manifest.classes[1]}' from a probability of "
                f"{manifest.threshold:.3f}; precision, recall and F1 are those of this class",
                "costs": f"{costs.false_positive:g} for a false '{manifest.classes[1]}', "
                f"{costs.false_negative:g} for one that is missed"
                if costs and not costs.by_class
                else "",
            }
        )
    if costs and costs.by_class:
        classes = manifest.classes
        print_table(
            "costs by true class and answer: the answer of least expected cost",
            ("", *classes),
            [
                (true, *(f"{cost:g}" for cost in row))
                for true, row in zip(classes, costs.matrix(classes), strict=True)
            ],
        )


def headline(metrics: dict[str, Metrics]) -> str:
    """The one figure that says most about a model on its test rows."""
    test = metrics.get("test", {})
    for name in ("roc_auc", "accuracy", "r2", "rmse", "silhouette", "share_of_anomalies"):
        if name in test:
            return f"{name} {figure(name, test[name])}"
    return ""


def figure(name: str, value: float | None) -> str:
    """A figure with four significant digits; counts whole."""
    if value is None:
        return ""
    return f"{value:,.0f}" if name in _COUNTS else f"{value:.4g}"


def minute(moment: datetime | None) -> str:
    """A time to the minute."""
    return f"{moment:%Y-%m-%d %H:%M}" if moment else ""


def _ordered(names: Iterable[str], order: Sequence[str]) -> list[str]:
    return sorted(names, key=lambda name: (order.index(name) if name in order else 99, name))


def print_checks(checks: Iterable[Check]) -> None:
    """What was looked at before a version serves, and what speaks against it."""
    print_table(
        "checks",
        ("", "this version", "champion", "wanted", ""),
        [
            (
                check.name,
                figure(check.name, check.value),
                figure(check.name, check.champion),
                check.limit,
                check.note or ("" if check.passed else "not passed"),
            )
            for check in checks
        ],
    )


def print_comparison(
    one: Manifest,
    two: Manifest,
    metrics: Mapping[str, Mapping[str, tuple[float | None, float | None]]],
    differences: Sequence[tuple[str, str | None, str | None]],
) -> None:
    """Two versions side by side."""
    versions = (f"version {one.version}", f"version {two.version}")
    print_table(
        "figures",
        ("", *versions),
        [
            (f"{rows} {name}", figure(name, pair[0]), figure(name, pair[1]))
            for rows in _ordered(metrics, SETS)
            for name in _ordered(metrics[rows], FIGURES)
            for pair in [metrics[rows][name]]
        ],
    )
    facts = [
        ("trained (UTC)", minute(one.created_at), minute(two.created_at)),
        ("by", one.created_by, two.created_by),
        ("rows", f"{one.data.rows:,}", f"{two.data.rows:,}"),
        ("data", one.data.fingerprint[:12], two.data.fingerprint[:12]),
        ("window from", minute(one.data.start), minute(two.data.start)),
        ("window to", minute(one.data.end), minute(two.data.end)),
        ("estimator", one.estimator, two.estimator),
        ("threshold", figure("", one.threshold), figure("", two.threshold)),
    ]
    rows = [fact for fact in facts if fact[1] != fact[2]]
    print_table("what differs", ("", *versions), [*rows, *differences])
