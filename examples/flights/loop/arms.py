"""Two arms of one run, judged alike: what the loop served, and what its first version would have
answered to the same events. Read from predictions and labels, and from nothing else."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pandas as pd
from msgspec import Struct
from sklearn.metrics import f1_score, log_loss, roc_auc_score

from contracts.settings import Settings
from prediction_log.reader import read

SUMMER = (datetime(2013, 6, 1, tzinfo=UTC), datetime(2013, 9, 1, tzinfo=UTC))
_YES = "prediction.probabilities.true"


class Arms(Struct, frozen=True):
    """One figure of both arms on the same events."""

    loop: float
    stale: float


class Figures(Struct, frozen=True):
    """What both arms were worth on the same n labelled events; None where there is one class."""

    labelled: int
    auc: Arms | None
    log_loss: Arms
    f1: Arms


class Judgement(Struct, frozen=True):
    """Month, as `2013-06`, -> figures; and those of June to August together."""

    months: dict[str, Figures]
    summer: Figures | None


def judge(settings: Settings, model: str, stale: str, run: str) -> Judgement:
    """Compare the arms by month.

    Args:
        stale: the version that is never trained again.
        run: what the event ids of this run begin with.
    """
    both = answers_of_both(settings, model, stale, run)
    months = {str(month): figures(rows) for month, rows in both.groupby("month")}
    summer = both[both["@timestamp"].between(*SUMMER, inclusive="left")]
    return Judgement(months, figures(summer) if len(summer) else None)


def answers_of_both(settings: Settings, model: str, stale: str, run: str) -> pd.DataFrame:
    """One row per labelled event: `late`, and the `probability` and `label` of either arm."""
    predictions = read(
        settings,
        model,
        columns=[
            "@timestamp",
            "event.id",
            "model.version",
            "model.role",
            "prediction.label",
            "prediction.probabilities",
        ],
    )
    predictions = predictions[predictions["event.id"].str.startswith(f"{run}-")]
    shadows = predictions["model.role"] == "shadow"
    served = predictions[~shadows]
    answered = predictions[predictions["model.version"] == stale]
    labels = read(
        settings,
        model,
        kind="labels",
        columns=["event.id", "label.value", "kafka.offset"],
    )
    labels = labels.sort_values("kafka.offset").drop_duplicates("event.id", keep="last")
    both = served.merge(answered, on="event.id", suffixes=("", ".stale")).merge(
        labels, on="event.id"
    )
    return both.assign(
        late=both["label.value"].eq("true"), month=both["@timestamp"].dt.strftime("%Y-%m")
    )


def figures(rows: pd.DataFrame) -> Figures:
    """Judge the arms on some events."""
    late = rows["late"]
    return Figures(
        labelled=len(rows),
        auc=Arms(*(_rounded(roc_auc_score(late, p)) for p in _of_both(rows, _YES)))
        if late.nunique() == 2
        else None,
        log_loss=Arms(
            *(_rounded(log_loss(late, p, labels=[False, True])) for p in _of_both(rows, _YES))
        ),
        f1=Arms(
            *(
                _rounded(f1_score(late, said.eq("true"), zero_division=0.0))
                for said in _of_both(rows, "prediction.label")
            )
        ),
    )


def _of_both(rows: pd.DataFrame, column: str) -> Iterator[pd.Series]:
    yield rows[column]
    yield rows[f"{column}.stale"]


def _rounded(figure: float) -> float:
    return round(float(figure), 4)
