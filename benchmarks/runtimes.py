"""What onnxruntime gives: the same model by scikit-learn and in its ONNX form, in turn."""

import time
from collections.abc import Callable, Iterator
from typing import Any, Literal

import numpy as np
from msgspec import Struct
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from benchmarks.workloads import Workload, logistic, perceptron
from contracts.feature_schema import Feature, FeatureSchema
from contracts.onnx_model import OnnxModel
from contracts.scorer import Scorer
from trainer.estimators import build_pipeline
from trainer.onnx_form import convert

ROWS = (1, 2_000)
_GAPS = 0.05
_SEED = 7


class RuntimeResult(Struct, frozen=True):
    """How long a model needs for so many rows at once, in microseconds.

    `median_us` and `spread_us`, which is what lies between the quartiles, are those of
    `Scorer.answer`: from the matrix to one outcome per row, as in a worker. `estimator_us` is the
    part of it that the runtime decides: the median of `predict_proba` alone.
    """

    model: str
    rows: int
    runtime: Literal["scikit-learn", "onnxruntime"]
    median_us: float
    spread_us: float
    estimator_us: float


def measure(rounds: int) -> list[RuntimeResult]:
    """Time both runtimes in turn, `rounds` times each, on one thread as workers have it.

    Raises:
        PackageError: a model cannot be converted.
    """
    with threadpool_limits(1):
        return [
            result
            for title, scorer, by_onnx, inputs in _models()
            for rows in ROWS
            for result in _compare(title, scorer, by_onnx, _tiled(inputs, rows), rounds)
        ]


def _compare(
    title: str, scorer: Scorer, by_onnx: Scorer, inputs: Any, rounds: int
) -> Iterator[RuntimeResult]:
    calls: list[Callable[[Any], object]] = [
        scorer.answer,
        scorer.estimator.predict_proba,  # type: ignore[attr-defined]
        by_onnx.answer,
        by_onnx.estimator.predict_proba,  # type: ignore[attr-defined]
    ]
    for call in calls:
        call(inputs)  # what the first call prepares, a worker's golden samples have prepared
    times = np.empty((rounds, len(calls)))
    for number in range(rounds):
        for place, call in enumerate(calls):
            began = time.perf_counter()
            call(inputs)
            times[number, place] = time.perf_counter() - began
    low, middle, high = np.percentile(times * 1e6, (25, 50, 75), axis=0).tolist()
    yield RuntimeResult(title, len(inputs), "scikit-learn", middle[0], high[0] - low[0], middle[1])
    yield RuntimeResult(title, len(inputs), "onnxruntime", middle[2], high[2] - low[2], middle[3])


def _models() -> Iterator[tuple[str, Scorer, Scorer, Any]]:
    for workload in (logistic(), _linear(), perceptron()):
        form = convert(workload.scorer.estimator, workload.task, len(workload.schema.features))
        by_onnx = Scorer(workload.task, workload.schema, OnnxModel(form), workload.classes)
        yield workload.title, workload.scorer, by_onnx, workload.scorer.inputs(workload.columns)


def _linear() -> Workload:
    """The rows of `logistic` with gaps, in the pipeline that training builds."""
    given = logistic()
    inputs = np.array(given.columns).T
    target = inputs.sum(axis=1) > 0
    inputs[np.random.default_rng(_SEED).random(inputs.shape) < _GAPS] = np.nan
    schema = FeatureSchema(tuple(Feature(n, "numeric", nullable=True) for n in given.schema.names))
    model = build_pipeline("linear", given.task, schema, _SEED).fit(inputs, target)
    return Workload(
        "linear",
        "the linear pipeline of `millrace train`, 10 numbers with gaps",
        given.task,
        Scorer(given.task, schema, model, ("false", "true")),
        ("false", "true"),
        inputs.T.tolist(),
        given.events,
    )


def _tiled(inputs: Any, rows: int) -> Any:
    return np.resize(inputs, (rows, inputs.shape[1]))
