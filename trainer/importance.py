"""What each feature is worth to a model: permutation importance (Breiman 2001, Random forests).

A feature is shuffled among rows that the model was not fitted on; what its telling metric loses is
what the feature was worth. It is measured at the schema's features, before any preparation, so it
holds for every pipeline. Of features that say the same, each alone seems worth little.
"""

import time
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from msgspec.structs import replace
from sklearn.inspection import permutation_importance

from contracts.errors import UsageError
from contracts.evaluation import Truth, classes_of, outcome_metrics
from contracts.events import Anomaly, Clustering, Outcome
from contracts.packages import FeatureImportance, Importance, Manifest
from contracts.release_rules import telling_metric
from contracts.scorer import Scorer
from trainer.gate.holdout import HeldOut
from trainer.recipes import Recipe

MOST_ROWS = 2000
REPEATS = 3
LEAST_ROWS = 20
MOST_SECONDS = 20.0
"""Slower models, and those of very many features, get none."""
MOST_OF_A_REASON = 160

Answers = Sequence[Outcome | None]
Judge = Callable[[Answers], float]


def with_importance(draft: Manifest, recipe: Recipe, scorer: Scorer, held_out: HeldOut) -> Manifest:
    """Put the importance of its features into a manifest, or the reason why there is none.

    Args:
        scorer: the model as it was before it saw the held-out rows.
    """
    try:
        if not recipe.importance:
            raise UsageError("the recipe says importance = false")
        return replace(draft, importance=measure_importance(draft, recipe, scorer, held_out))
    except Exception as error:  # a model may raise anything on rows that cannot be
        why = str(error).partition("\n")[0][:MOST_OF_A_REASON]
        return replace(draft, why_no_importance=why)


def measure_importance(
    draft: Manifest, recipe: Recipe, scorer: Scorer, held_out: HeldOut
) -> Importance:
    """Shuffle each feature in turn among at most `MOST_ROWS` rows, and see what is lost.

    Without a truth the model's own answers take its place: the share of rows that change their
    cluster, or the mean change of an anomaly's score.

    Raises:
        UsageError: it cannot be measured; the sentence says why.
    """
    if held_out.rows < LEAST_ROWS:
        raise UsageError(f"{held_out.rows} held-out rows are too few")
    rows = np.linspace(0, held_out.rows - 1, num=min(held_out.rows, MOST_ROWS), dtype=int)
    columns = held_out.columns(scorer.schema)
    inputs = scorer.inputs([[column[row] for row in rows] for column in columns])
    truth = {target: [values[row] for row in rows] for target, values in held_out.truth.items()}
    began = time.perf_counter()
    metric, judge = _judge(scorer.answer(inputs), truth, draft)
    seconds = (time.perf_counter() - began) * REPEATS * len(columns)
    if seconds > MOST_SECONDS:
        raise UsageError(f"it would take some {seconds:,.0f} s")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = permutation_importance(
            scorer.estimator,
            inputs,
            None,
            scoring=lambda _estimator, shuffled, _truth: judge(scorer.answer(shuffled)),
            n_repeats=REPEATS,
            random_state=recipe.random_state,
        )
    if not np.isfinite(found.importances).all():
        raise UsageError("some shuffled rows have no answer")
    drops = zip(found.importances_mean.tolist(), found.importances_std.tolist(), strict=True)
    return Importance(
        metric=metric,
        rows=len(rows),
        repeats=REPEATS,
        features={
            name: FeatureImportance(mean, spread)
            for name, (mean, spread) in zip(scorer.schema.names, drops, strict=True)
        },
    )


def _judge(answers: Answers, truth: Truth, draft: Manifest) -> tuple[str, Judge]:
    """What is compared, by name, and how good answers are by it; more is better."""
    if isinstance(answers[0], Clustering):
        return "share_of_changed_clusters", lambda given: -_mean(_other_cluster, given, answers)
    if isinstance(answers[0], Anomaly):
        return "mean_change_of_score", lambda given: -_mean(_change_of_score, given, answers)
    classes = classes_of(draft, truth)
    metric = telling_metric(outcome_metrics(answers, truth, classes))
    if metric is None:
        raise UsageError("the held-out rows give no figure that tells how good the model is")
    return metric, lambda given: outcome_metrics(given, truth, classes).get(metric, np.nan)


def _mean(distance: Callable[[Any, Any], float], given: Answers, before: Answers) -> float:
    return float(np.mean([distance(one, two) for one, two in zip(given, before, strict=True)]))


def _other_cluster(one: Clustering, two: Clustering) -> float:
    return float(one.cluster != two.cluster)


def _change_of_score(one: Anomaly, two: Anomaly) -> float:
    return abs(one.score - two.score)
