"""The picture of both arms over the months."""

from pathlib import Path

from contracts.errors import ConfigurationError
from examples.flights.loop.arms import Judgement

_BLUE, _ORANGE = "#0072b2", "#d55e00"
"""Of Okabe and Ito's palette, told apart by people who do not see all colours."""
_LEAST_SHARE = 0.01
"""Of all labelled events: what a month must have to be drawn."""


def draw(judgement: Judgement, retrained: dict[str, int], path: Path) -> None:
    """Write a picture of AUC and log loss by month.

    Args:
        retrained: month -> versions that were deployed in it.
        path: its ending decides the format.

    Raises:
        ConfigurationError: matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ConfigurationError(
            "the picture needs matplotlib: run 'pip install matplotlib', or leave out --plot"
        ) from error
    labelled = {month: one.labelled for month, one in judgement.months.items()}
    # In universal time the last evening of a year reaches into the next.
    months = [m for m, rows in labelled.items() if rows > _LEAST_SHARE * sum(labelled.values())]
    drawing = Figure(figsize=(9, 3.9), layout="constrained")
    for axes, name, better in zip(
        drawing.subplots(1, 2), ("auc", "log_loss"), ("higher", "lower"), strict=True
    ):
        for arm, colour, marker in (("loop", _BLUE, "o"), ("stale", _ORANGE, "s")):
            pairs = [getattr(judgement.months[month], name) for month in months]
            values = [getattr(pair, arm) if pair else float("nan") for pair in pairs]
            title = "with the loop" if arm == "loop" else "never trained again"
            axes.plot(months, values, color=colour, marker=marker, label=title)
        axes.set_title(f"{'ROC-AUC' if name == 'auc' else 'log loss'} ({better} is better)")
        axes.set_xticks(range(len(months)), [month[5:] for month in months])
        axes.set_xlabel("month of 2013; ▲: versions deployed by the loop")
        axes.grid(alpha=0.3)
        bottom = axes.get_ylim()[0]
        for place, month in enumerate(months):
            if retrained.get(month):
                axes.annotate("▲" * min(retrained[month], 4), (place, bottom), ha="center")
    drawing.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=2)
    drawing.savefig(path)
