"""What each feature is worth to a version, as a table with bars and as a page with a plot."""

from pathlib import Path
from typing import Annotated

import typer
from msgspec import Struct

from cli.models.arguments import Name, Version
from cli.options import Json
from cli.output import print_json, print_table, say
from contracts.errors import UsageError
from contracts.packages import Importance, Manifest
from contracts.settings import load_settings

_BAR = 40
_FULL, _HALF = "█", "▌"


class Explained(Struct, frozen=True, kw_only=True):
    """What `models explain --json` prints."""

    model: str
    version: str
    digest: str
    importance: Importance
    plot: str | None


def explain(
    name: Name,
    version: Version = None,
    plot: Annotated[
        Path | None,
        typer.Option(metavar="FILE.html", help="Write a page with a plot that needs no network."),
    ] = None,
    json: Json = False,
) -> None:
    """Show which features a version goes by: what its telling figure loses when each is shuffled.

    It was measured when the version was trained, on held-out rows, and is kept in its manifest.

    Examples: `millrace models explain fraud`, `millrace models explain fraud 3 --plot fraud.html`
    """
    from contracts.model_store import ModelStore
    from trainer.recipes import check_model_name

    check_model_name(name)
    store = ModelStore(load_settings().store_url)
    found = store.find(name, version)
    manifest = store.manifest(name, found.digest)
    importance = _importance(manifest)
    if plot is not None:
        _write_plot(manifest, importance, plot)
    if json:
        print_json(
            Explained(
                model=name,
                version=found.version,
                digest=found.digest,
                importance=importance,
                plot=None if plot is None else str(plot),
            )
        )
        return
    print_table(
        f"{name} {found.version}: {_title(importance)}",
        ("feature", importance.metric, "±", ""),
        [(*row, bar) for row, bar in zip(_rows(importance), _bars(importance), strict=True)],
    )
    if plot is not None:
        say(f"plot in {plot}")


def _importance(manifest: Manifest) -> Importance:
    if manifest.importance is not None:
        return manifest.importance
    why = manifest.why_no_importance or "it was made by a release that did not measure it"
    raise UsageError(
        f"what the features are worth to version {manifest.version} of '{manifest.model}' is not "
        f"known: {why}"
    )


def _title(importance: Importance) -> str:
    return f"loss on {importance.rows:,} held-out rows, each feature shuffled {importance.repeats}×"


def _sorted(importance: Importance) -> list[tuple[str, float, float]]:
    features = [(name, one.mean, one.spread) for name, one in importance.features.items()]
    return sorted(features, key=lambda feature: -feature[1])


def _rows(importance: Importance) -> list[tuple[str, str, str]]:
    return [(name, f"{mean:.4f}", f"{spread:.4f}") for name, mean, spread in _sorted(importance)]


def _bars(importance: Importance) -> list[str]:
    means = [mean for _, mean, _ in _sorted(importance)]
    most = max(means[0], 1e-12)
    halves = [round(2 * _BAR * max(mean, 0.0) / most) for mean in means]
    return [_FULL * (count // 2) + _HALF * (count % 2) for count in halves]


def _write_plot(manifest: Manifest, importance: Importance, path: Path) -> None:
    import plotly.graph_objects as go

    if path.suffix != ".html":
        raise UsageError(f"the plot is a page: name it {path.with_suffix('.html')}")
    names, means, spreads = zip(*reversed(_sorted(importance)), strict=True)
    bars = go.Bar(
        x=means, y=names, orientation="h", error_x={"type": "data", "array": list(spreads)}
    )
    figure = go.Figure(bars)
    figure.update_layout(
        title=f"{manifest.model} {manifest.version}: {_title(importance)}",
        xaxis_title=importance.metric,
        # Names can be numbers.
        yaxis={"type": "category"},
        height=120 + 24 * len(names),
        template="plotly_white",
    )
    try:
        figure.write_html(path, include_plotlyjs=True)
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}") from error
