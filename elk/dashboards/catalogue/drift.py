"""Drift: which signals have left what the model was trained on, and what that does to it."""

from elk.dashboards.catalogue.figures import BY_VERSION, CONFIDENCE, ENOUGH, SERVING, TIME
from elk.dashboards.panels import Dashboard, Filter, Metric, OverTime, Panel, Terms

_RATIO = Metric("Times its limit", "max", "verdict.ratio", decimals=2)
_OVER = Filter("verdict.state", ("over",))
_SIGNAL = Terms("verdict.signal", "Signal", size=15, by=0)


def _mean(label: str, field: str) -> Metric:
    return Metric(label, "average", field, decimals=3)


DASHBOARD = Dashboard(
    id="drift",
    title="Drift",
    description="Which signals have left what the model was trained on, and what that does to it.",
    since="now-90d",
    rows=(
        (
            Panel(
                id="signals-over",
                title="Signals over their limit",
                question="How many features and answers have drifted?",
                kind="drift",
                chart="metric",
                metrics=(Metric("Signals", "unique_count", "verdict.signal"),),
                filters=(_OVER,),
            ),
            Panel(
                id="farthest",
                title="Farthest signal, times its limit",
                question="Which signal is the worst, and how far is it? Above 1 is over the limit.",
                kind="drift",
                chart="metric",
                metrics=(_RATIO,),
                by=(Terms("verdict.signal", "Signal", size=1, by=0),),
            ),
            Panel(
                id="newest-window",
                title="Newest window begins",
                question="Until when has the monitor looked?",
                kind="drift",
                chart="metric",
                metrics=(Metric("Begins", "latest", "window.start"),),
            ),
            Panel(
                id="alerts-raised",
                title="Alerts raised",
                question="How often was somebody told?",
                kind="alerts",
                chart="metric",
                metrics=(Metric("Alerts"),),
                filters=(Filter("alert.state", ("raised",)),),
            ),
        ),
        (
            Panel(
                id="verdicts",
                title="Signals by verdict",
                question="Since when are signals over their limits, and how many? Windows of too "
                "few rows are left out.",
                kind="drift",
                chart="stacked",
                metrics=(Metric("Signals", "unique_count", "verdict.signal"),),
                by=(TIME, Terms("verdict.state", "Verdict", size=3)),
                filters=(ENOUGH,),
            ),
            Panel(
                id="signals",
                title="Signals over time, times their limit",
                question="Which signals drift, when, and how far? Above 1 is over the limit.",
                kind="drift",
                chart="heatmap",
                metrics=(_RATIO,),
                by=(TIME, _SIGNAL),
                ceiling=2,
            ),
        ),
        (
            Panel(
                id="worst",
                title="The worst signals, times their limit",
                question="Does a signal jump, or does it leave slowly? Above 1 is over the limit.",
                kind="drift",
                chart="line",
                metrics=(_RATIO,),
                by=(TIME, Terms("verdict.signal", "Signal", size=6, by=0)),
            ),
            Panel(
                id="confidence-by-week",
                title="Mean confidence week by week",
                question="Does the model become less sure? Weeks that the time cuts are left out.",
                kind="predictions",
                chart="line",
                metrics=(CONFIDENCE,),
                by=(OverTime("Week", "week"), BY_VERSION),
                filters=(SERVING,),
            ),
            Panel(
                id="estimate",
                title="Estimated performance",
                question="How good is each figure likely to be, before labels are there?",
                kind="drift",
                chart="line",
                metrics=(_mean("Estimate", "drift.estimate"),),
                by=(TIME, Terms("verdict.signal", "Figure", size=6)),
                filters=(Filter("drift.kind", ("estimate",)),),
            ),
        ),
        (
            Panel(
                id="reference",
                title="Reference against now, means of the time",
                question="How do signals differ from the data of the training, on average of all "
                "windows and versions shown? Choose one version: each was trained on other data.",
                kind="drift",
                chart="table",
                metrics=(
                    _RATIO,
                    _mean("Index (PSI)", "drift.psi"),
                    _mean("Mean in training", "drift.mean_before"),
                    _mean("Mean now", "drift.mean"),
                    _mean("Spread in training", "drift.spread_before"),
                    _mean("Spread now", "drift.spread"),
                    _mean("Missing in training", "drift.missing_before"),
                    _mean("Missing now", "drift.missing"),
                    _mean("Unknown now", "drift.unknown"),
                ),
                by=(Terms("verdict.signal", "Signal", size=50, by=0),),
                filters=(SERVING,),
            ),
        ),
        (
            Panel(
                id="alerts",
                title="Alerts",
                question="What was raised and resolved, and why?",
                kind="alerts",
                chart="documents",
                columns=(
                    "model.name",
                    "model.version",
                    "alert.kind",
                    "alert.state",
                    "alert.reason",
                ),
            ),
        ),
    ),
)
