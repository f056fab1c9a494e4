"""The ONNX form of a fitted model, if onnxruntime answers by it as scikit-learn does."""

from importlib.util import find_spec

import numpy as np
from msgspec.structs import replace

from contracts.errors import GoldenSampleError, MillraceError, PackageError
from contracts.onnx_model import OnnxModel, onnxruntime_installed
from contracts.package_loading import alike, check_golden_samples, scorer_of
from contracts.packages import Manifest, OnnxForm, Task, sha256
from contracts.scorer import Columns, Estimator

MOST_ROWS_COMPARED = 2000
MOST_OF_A_REASON = 160
NOT_TRIED = dict.fromkeys(
    ("RandomForestClassifier", "RandomForestRegressor"),
    "a forest would answer in float32, and take longer to convert than to fit",
) | dict.fromkeys(
    ("HistGradientBoostingClassifier", "HistGradientBoostingRegressor"),
    "skl2onnx 1.20 does not manage its trees, and takes longer to find that out than to fit them",
)
"""Estimators whose conversion is known to end in a refusal, and to cost much."""


def with_onnx(
    draft: Manifest, estimator: Estimator, columns: Columns
) -> tuple[Manifest, bytes | None]:
    """Put the ONNX form into a manifest, or the reason why there is none.

    Args:
        draft: complete with golden samples.
        columns: one list of n values per feature, on which both answers are compared.

    Returns:
        The manifest, and the form to be stored beside the payload.
    """
    try:
        refuse_unsuitable(draft)
        form = convert(estimator, draft.task, len(draft.schema.features))
        compare(draft, estimator, form, columns)
    except MillraceError as error:
        why = str(error).partition("\n")[0][:MOST_OF_A_REASON]
        return replace(draft, onnx=None, why_no_onnx=why), None
    return replace(draft, onnx=OnnxForm(sha256(form), len(form)), why_no_onnx=None), form


def refuse_unsuitable(draft: Manifest) -> None:
    """Say no before the work.

    Raises:
        PackageError: there cannot be an ONNX form; the sentence says why.
    """
    if not (onnxruntime_installed() and find_spec("skl2onnx")):
        raise PackageError("skl2onnx and onnxruntime were not installed")
    if not draft.schema.all_numbers:
        raise PackageError("features with texts are no matrix of float64")
    if draft.task not in ("classification", "regression"):
        raise PackageError(f"there is none for {draft.task}")
    if draft.estimator in NOT_TRIED:
        raise PackageError(NOT_TRIED[draft.estimator])


def convert(estimator: Estimator, task: Task, features: int) -> bytes:
    """Convert an estimator that takes a matrix of float64, and calculates in float64 after it.

    Returns:
        A graph as `OnnxModel` takes it.

    Raises:
        PackageError: skl2onnx cannot.
    """
    from skl2onnx import convert_sklearn
    from skl2onnx.common.data_types import DoubleTensorType
    from skl2onnx.helpers.onnx_helper import select_model_inputs_outputs
    from sklearn.impute import SimpleImputer

    from trainer.onnx_imputer import convert_imputer, shape_of_imputed

    try:
        model = convert_sklearn(
            estimator,
            initial_types=[("features", DoubleTensorType([None, features]))],
            # Probabilities as one tensor in the order of the classes, not as dictionaries.
            options={"zipmap": False} if task == "classification" else None,
            custom_conversion_functions={SimpleImputer: convert_imputer},
            custom_shape_calculators={SimpleImputer: shape_of_imputed},
        )
        # A classifier's label comes first; a scorer finds it by the threshold.
        answer = model.graph.output[-1].name
        return bytes(select_model_inputs_outputs(model, [answer]).SerializeToString())
    except Exception as error:  # a converter may raise anything
        # What skl2onnx puts around a cause is pages of attributes.
        raise PackageError(f"skl2onnx cannot convert it: {error.__cause__ or error}") from error


def compare(draft: Manifest, estimator: Estimator, form: bytes, columns: Columns) -> None:
    """Ask both about the golden samples and about rows spread over the data.

    Raises:
        PackageError: onnxruntime does not take the form.
        GoldenSampleError: an answer differs by more than rounding.
    """
    by_onnx, by_estimator = scorer_of(draft, OnnxModel(form)), scorer_of(draft, estimator)
    check_golden_samples(draft, by_onnx)
    size = len(columns[0])
    rows = np.linspace(0, size - 1, num=min(size, MOST_ROWS_COMPARED), dtype=int)
    inputs = by_onnx.inputs([[column[row] for row in rows] for column in columns])
    answers = zip(by_estimator.answer(inputs), by_onnx.answer(inputs), strict=True)
    for row, (expected, actual) in zip(rows.tolist(), answers, strict=True):
        if expected != actual and not (expected and actual and alike(expected, actual)):
            raise GoldenSampleError(f"onnxruntime gives {actual} for row {row}, not {expected}")
