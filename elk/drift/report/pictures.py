"""The pictures of a report (Plotly), each with a title and a sentence that says what it shows."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import plotly.graph_objects as go
from msgspec import Struct

from contracts.signal_names import ESTIMATED_ACCURACY, ESTIMATED_ROC_AUC
from elk.drift.report.reading import DriftReport
from elk.drift.report.summary import moment, number, signals, verdict_words, words
from prediction_log.window_documents import DriftDocument

MOST_SIGNALS = 40
"""Of the heatmap; the table has all."""
MOST_DETAILS = 24

_REFERENCE = "#8a8f98"
_WINDOW = "#2f6fde"
_LIMIT = "#c2410c"
# At the limit from blue to orange, two hues that all eyes tell apart; opaque, so that numbers can
# be read on light and dark pages.
_SCALE = [
    [0.0, "#eef3fc"],
    [0.4995, "#8fb1ef"],
    [0.5, "#f59e0b"],
    [1.0, "#9a3412"],
]
_FONT = "system-ui, -apple-system, 'Segoe UI', sans-serif"


class Picture(Struct, frozen=True):
    """A figure as Plotly's JSON, and what people who cannot see it are told."""

    title: str
    description: str
    figure: str
    height: int


def heatmap(report: DriftReport) -> Picture:
    """Signals over windows: how much of its limit each has used."""
    ranked = signals(report)[:MOST_SIGNALS]
    documents = [report.documents[one.signal] for one in ranked]
    ratios = [[_ratio(document) for document in row] for row in documents]
    figure = go.Figure(
        go.Heatmap(
            x=_starts(report),
            y=[one.signal for one in ranked],
            z=[[None if ratio is None else min(ratio, 2.0) for ratio in row] for row in ratios],
            text=[["" if ratio is None else _short(ratio) for ratio in row] for row in ratios],
            customdata=[[_hover(document) for document in row] for row in documents],
            texttemplate="%{text}",
            hovertemplate="<b>%{y}</b>, %{x}<br>%{customdata}<extra></extra>",
            colorscale=_SCALE,
            zmin=0,
            zmax=2,
            xgap=2,
            ygap=2,
            colorbar={
                "title": {"text": "share of limit", "side": "right"},
                "tickvals": [0, 0.5, 1, 1.5, 2],
                "ticktext": ["0", "0.5", "1: limit", "1.5", "2 and more"],
                "thickness": 12,
                "outlinewidth": 0,
            },
        )
    )
    height = 120 + 26 * len(ranked)
    figure.update_yaxes(autorange="reversed", automargin=True, showgrid=False)
    figure.update_xaxes(type="category", side="top", tickangle=-45, automargin=True, showgrid=False)
    return _picture(
        "What moved, and when",
        "Share of its limit that each signal has used in each window; above 1 (▲) it is over. "
        + _alt(report),
        figure,
        height,
    )


def courses(report: DriftReport) -> Iterator[Picture]:
    """Mean confidence, and what the model is worth by it, over the windows."""
    for signal, title in (
        ("confidence", "Mean confidence"),
        (ESTIMATED_ACCURACY, "Estimated accuracy"),
        (ESTIMATED_ROC_AUC, "Estimated ROC AUC"),
    ):
        documents = [one for one in report.documents.get(signal, ()) if one is not None]
        points = [(_start(one), *_value(one)) for one in documents if _value(one)[0] is not None]
        if points:
            yield _course(signal, title, points)


def details(report: DriftReport) -> Iterator[Picture]:
    """The distributions of the signals that moved most: the reference beside their worst window."""
    shown = 0
    for one in signals(report):
        known = [document for document in report.documents[one.signal] if document is not None]
        document = max(known, key=lambda each: each.verdict.ratio or 0.0)
        if document.drift.bins and shown < MOST_DETAILS:
            shown += 1
            yield _detail(document)


def _course(signal: str, title: str, points: Sequence[tuple[str, Any, Any, Any]]) -> Picture:
    starts, values, before, limits = zip(*points, strict=True)
    figure = go.Figure()
    figure.add_scatter(
        x=starts,
        y=values,
        mode="lines+markers",
        name="windows",
        line={"color": _WINDOW, "width": 2},
    )
    figure.add_scatter(
        x=starts,
        y=before,
        mode="lines",
        name="unseen rows at training",
        line={"color": _REFERENCE, "dash": "dash"},
    )
    if limits[-1] is not None:
        figure.add_scatter(
            x=starts, y=limits, mode="lines", name="limit", line={"color": _LIMIT, "dash": "dot"}
        )
    figure.update_yaxes(automargin=True)
    figure.update_xaxes(type="category", automargin=True, tickangle=-45, nticks=12)
    return _picture(
        title,
        f"{title} of each window: {number(values[0])} in the first, {number(values[-1])} in the "
        f"newest, {number(before[-1])} on unseen rows at training.",
        figure,
        300,
    )


def _detail(document: DriftDocument) -> Picture:
    bins = document.drift.bins or {}
    labels = _labels(bins)
    figure = go.Figure()
    for name, color, pattern in (("reference", _REFERENCE, "/"), ("window", _WINDOW, "")):
        counts = bins[name]
        total = max(1, sum(counts))
        figure.add_bar(
            x=labels,
            y=[count / total for count in counts],
            name="training" if name == "reference" else "window",
            marker={"color": color, "pattern": {"shape": pattern}},
            hovertemplate="%{x}: %{y:.1%}<extra>%{fullData.name}</extra>",
        )
    figure.update_layout(barmode="group", bargap=0.15, bargroupgap=0.05)
    figure.update_yaxes(tickformat=".0%", automargin=True)
    figure.update_xaxes(type="category", automargin=True, tickangle=-45)
    state = verdict_words(document.verdict)
    return _picture(
        f"{document.verdict.signal} ({state})",
        f"Window from {_start(document)}: {words(document)}.",
        figure,
        290,
    )


def _labels(bins: dict[str, Any]) -> list[str]:
    if "categories" in bins:
        return [*bins["categories"], "(others)", "(no value)"]
    edges = [number(edge) for edge in bins["edges"]]
    inner = [f"{low} – {high}" for low, high in pairwise(edges)]
    return [f"< {edges[0]}", *inner, f"≥ {edges[-1]}", "(no value)"]


def _picture(title: str, description: str, figure: go.Figure, height: int) -> Picture:
    figure.update_layout(
        height=height,
        margin={"l": 8, "r": 8, "t": 8, "b": 8},
        font={"family": _FONT, "size": 12},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        template="none",
    )
    # `<` would end the script that the figure stands in, for example in a feature's name.
    return Picture(title, description, figure.to_json().replace("<", "\\u003c"), height)


def _value(document: DriftDocument) -> tuple[float | None, float | None, float | None]:
    drift = document.drift
    if drift.kind == "estimate":
        return drift.estimate, drift.estimate_before, document.verdict.limit
    return drift.mean, drift.mean_before, None


def _ratio(document: DriftDocument | None) -> float | None:
    return None if document is None else document.verdict.ratio


def _short(ratio: float) -> str:
    mark = "▲ " if ratio > 1 else ""
    return f"{mark}{ratio:.1f}" if ratio < 10 else f"{mark}{ratio:.0f}"


def _hover(document: DriftDocument | None) -> str:
    if document is None:
        return "nothing is known"
    return f"{verdict_words(document.verdict)}: {words(document)}"


def _starts(report: DriftReport) -> list[str]:
    return [moment(window.start) for window in report.windows]


def _start(document: DriftDocument) -> str:
    return moment(document.window.start)


def _alt(report: DriftReport) -> str:
    over = [one for one in signals(report) if one.over][:5]
    if not over:
        return "None is."
    told = ", ".join(f"{one.signal} in {one.over} of {one.judged}" for one in over)
    return f"Over in most windows: {told}."
