"""The outcomes of one version in one window, as rows that figures are taken of."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from elasticsearch import Elasticsearch
from msgspec import Struct

from contracts.evaluation import Truth, classes_of
from contracts.events import Classification, FeatureValue, MultiOutput, Outcome, Regression
from contracts.packages import Manifest
from contracts.settings import Settings
from elk.performance.rows import ClassificationRows, RegressionRows, Rows, SeveralRows
from elk.window_counts import VersionWindow
from prediction_log.documents import LabelValue, SeveralOutputs
from prediction_log.indices import IndexNames
from prediction_log.outcome_documents import Answer
from prediction_log.pages import hits, read_as

MOST_ROWS = 50_000
_MOST_PROBABILITIES = 250_000
_TARGET = "label"
_ORDER = ({"_shard_doc": "asc"},)
_COLUMNS = ("prediction", "label")


class _Outcome(Struct, frozen=True):
    prediction: Answer
    label: LabelValue


class LabelledRows(Struct, frozen=True):
    """n answers and what really happened, by target; both as `contracts.evaluation` takes them."""

    answers: Sequence[Outcome]
    truth: Truth

    def rows(self, manifest: Manifest) -> Rows:
        """The same in columns, to be resampled."""
        classes = classes_of(manifest, self.truth)
        by_target = {
            target: _rows(
                [a.outputs[target] if isinstance(a, MultiOutput) else a for a in self.answers],
                values,
                classes.get(target, ()),
                manifest,
            )
            for target, values in self.truth.items()
        }
        return SeveralRows(by_target) if len(by_target) > 1 else next(iter(by_target.values()))


def labelled_rows(
    client: Elasticsearch,
    settings: Settings,
    manifest: Manifest,
    which: VersionWindow,
    labelled: int,
) -> LabelledRows:
    """Read the outcomes of a window that are of the model's task.

    At most 50,000, and fewer of a model of many classes. Of more an even share is taken by a hash
    of their offsets, the same each time.

    Args:
        labelled: how many there are.
    """
    targets = _targets(manifest)
    classes = max((len(known) for known in classes_of(manifest, targets).values()), default=1)
    most = min(MOST_ROWS, _MOST_PROBABILITIES // max(classes, 1) + 1)
    answers: list[Outcome] = []
    truth: dict[str, list[FeatureValue]] = {target: [] for target in targets}
    for one in _read(client, settings, manifest.model, which, -(-labelled // most)):
        row = _row(one, targets, manifest)
        if row is not None:
            answers.append(row[0])
            for target, value in row[1].items():
                truth[target].append(value)
    return LabelledRows(answers, truth)


def _targets(manifest: Manifest) -> tuple[str, ...]:
    if manifest.task == "multi_output":
        return tuple(target.name for target in manifest.targets)
    return (_TARGET,) if manifest.task in ("classification", "regression") else ()


def _read(
    client: Elasticsearch, settings: Settings, model: str, which: VersionWindow, parts: int
) -> Iterator[_Outcome]:
    start, end = (moment.isoformat() for moment in (which.window.start, which.window.end))
    filters: list[dict[str, Any]] = [
        {"term": {"model.version": which.version}},
        {"term": {"model.role": which.role}},
        {"range": {"@timestamp": {"gte": start, "lt": end}}},
    ]
    part = {"field": "kafka.offset", "id": 0, "max": parts} if parts > 1 else None
    pattern = IndexNames(settings).pattern("outcomes", model)
    for hit in hits(client, pattern, filters, sort=_ORDER, columns=_COLUMNS, part=part):
        if (found := read_as(hit, _Outcome)) is not None:
            yield found


def _row(
    one: _Outcome, targets: Sequence[str], manifest: Manifest
) -> tuple[Outcome, Mapping[str, FeatureValue]] | None:
    """None: it is of another task, or the label leaves something out."""
    answer, label = one.prediction, one.label
    if manifest.task == "classification" and isinstance(answer, Classification):
        return None if label.value is None else (answer, {_TARGET: label.value})
    if manifest.task == "regression" and isinstance(answer, Regression):
        return None if label.number is None else (answer, {_TARGET: label.number})
    if manifest.task == "multi_output" and isinstance(answer, SeveralOutputs):
        truth = {
            target: label.values.get(target)
            if isinstance(answer.outputs.get(target), Classification)
            else label.numbers.get(target)
            for target in targets
        }
        if not any(value is None for value in truth.values()) and set(targets) <= set(
            answer.outputs
        ):
            return MultiOutput(answer.outputs), truth
    return None


def _rows(
    answers: Sequence[Outcome],
    truth: Sequence[FeatureValue],
    classes: Sequence[str],
    manifest: Manifest,
) -> Rows:
    labels = [answer for answer in answers if isinstance(answer, Classification)]
    if not labels:
        values = [answer.value for answer in answers if isinstance(answer, Regression)]
        return RegressionRows(np.array(truth, dtype=np.float64), np.array(values))
    shares = [[answer.probabilities.get(name, 0.0) for name in classes] for answer in labels]
    return ClassificationRows(
        [str(value) for value in truth],
        [answer.label for answer in labels],
        np.array(shares) if labels[0].probabilities else None,
        classes,
        manifest.costs,
    )
