"""How a model is shown to people: its features and its figures."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from cli.output import print_table, stdout
from contracts.packages import Manifest, Metrics

SETS = ("validation", "test")
FIGURES = (
    *("rows", "accuracy", "precision", "recall", "f1", "roc_auc", "log_loss"),
    *("mae", "rmse", "r2"),
)
_COUNTS = frozenset({"rows"})


def print_lines(lines: dict[str, object]) -> None:
    """A name and a value per line; values are never cut, so that they can be copied."""
    for name, value in lines.items():
        if value not in (None, ""):
            stdout.print(f"{name:<12}{value}", markup=False, soft_wrap=True)


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
            "data": f"{data.source}, {data.rows:,} rows, target {data.target}",
            "window": f"{minute(data.start)} to {minute(data.end)} UTC" if data.start else "",
            "fingerprint": data.fingerprint,
            "libraries": ", ".join(f"{name} {v}" for name, v in manifest.libraries.items()),
            "payload": f"{manifest.payload.size:,} bytes ({manifest.payload.format})",
            "onnx": f"{manifest.onnx.size:,} bytes" if manifest.onnx else _why_none(manifest),
            "digest": digest,
        }
    )


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


def print_metrics(manifest: Manifest) -> None:
    """One row per figure, one column per data set; and what counts as yes with two classes."""
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
                f"{manifest.threshold:.3f}; precision, recall and F1 are those of this class"
            }
        )


def headline(metrics: dict[str, Metrics]) -> str:
    """The one figure that says most about a model on its test rows."""
    test = metrics.get("test", {})
    for name in ("roc_auc", "accuracy", "r2", "rmse"):
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
