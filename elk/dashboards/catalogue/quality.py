"""Quality: what versions are worth on labelled predictions, and whether labels come."""

from elk.dashboards.catalogue.figures import BY_MODEL, BY_ROLE, BY_VERSION, ENOUGH, SERVING, TIME
from elk.dashboards.panels import Dashboard, Filter, Metric, Panel, Ranges, Terms

_LABELLED = Metric("Labelled predictions")


def _of(metric: str, label: str) -> Metric:
    return Metric(label, "average", f"performance.metrics.{metric}", decimals=3)


def _by_version(metric: str, label: str, question: str) -> Panel:
    return Panel(
        id=metric.replace("_", "-"),
        title=f"{label} by version",
        question=question,
        kind="performance",
        chart="line",
        metrics=(_of(metric, label),),
        by=(TIME, BY_VERSION),
        filters=(ENOUGH,),
    )


DASHBOARD = Dashboard(
    id="quality",
    title="Quality",
    description="What versions are worth on labelled predictions, and whether labels come.",
    since="now-90d",
    rows=(
        (
            Panel(
                id="labelled",
                title="Labelled predictions",
                question="How many answers can be judged?",
                kind="performance",
                chart="metric",
                metrics=(Metric("Labelled", "sum", "performance.labelled"),),
                filters=(SERVING,),
            ),
            Panel(
                id="coverage",
                title="Share that has a label",
                question="Do labels come for most answers?",
                kind="performance",
                chart="metric",
                metrics=(Metric("Coverage", "average", "performance.coverage", decimals=3),),
                filters=(SERVING,),
            ),
            Panel(
                id="windows-over",
                title="Windows beyond a limit",
                question="How often was a version worse than its recipe allows?",
                kind="performance",
                chart="metric",
                metrics=(Metric("Windows"),),
                filters=(Filter("verdict.state", ("over",)),),
            ),
        ),
        (
            _by_version(
                "roc_auc", "ROC AUC", "Does a version still tell the classes apart? 0.5 is chance."
            ),
            _by_version("accuracy", "Accuracy", "Which share of the answers was right?"),
        ),
        (
            _by_version(
                "log_loss", "Log loss", "Are the probabilities honest? Less is better; in nats."
            ),
            _by_version(
                "mae", "Mean absolute error", "How far off are the numbers? In the target's unit."
            ),
        ),
        (
            Panel(
                id="coverage-over-time",
                title="Share that has a label over time",
                question="Did labels stop, or are they only late?",
                kind="performance",
                chart="line",
                metrics=(Metric("Coverage", "average", "performance.coverage", decimals=3),),
                by=(TIME, BY_VERSION),
            ),
            Panel(
                id="calibration",
                title="Right and wrong by confidence",
                question="Is an answer with 80 % confidence right in 80 % of the cases?",
                kind="outcomes",
                chart="shares",
                metrics=(_LABELLED,),
                by=(
                    Ranges(
                        "prediction.confidence",
                        "Confidence",
                        (0, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 1.000001),
                    ),
                    Terms("outcome.correct", "Right", size=2),
                ),
            ),
            Panel(
                id="confusion",
                title="Answers and truth",
                question="Which classes are taken for which?",
                kind="outcomes",
                chart="heatmap",
                metrics=(_LABELLED,),
                by=(Terms("label.value", "Truth"), Terms("prediction.label", "Answer")),
                filters=(Filter("prediction.task", ("classification",)),),
            ),
        ),
        (
            Panel(
                id="versions",
                title="Versions on their labels",
                question="How do the versions compare over the whole time? Windows of too few "
                "labels are left out.",
                kind="performance",
                chart="table",
                metrics=(
                    Metric("Windows"),
                    Metric("Labelled", "sum", "performance.labelled"),
                    _of("accuracy", "Accuracy"),
                    _of("roc_auc", "ROC AUC"),
                    _of("log_loss", "Log loss"),
                    _of("calibration_error", "Calibration error"),
                    _of("mae", "Mean absolute error"),
                ),
                by=(BY_MODEL, BY_VERSION, BY_ROLE),
                filters=(ENOUGH,),
                opens="models",
            ),
        ),
    ),
)
