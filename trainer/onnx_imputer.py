"""How the filling of gaps is written in ONNX: skl2onnx writes it in float32 and without indicator.

It is called by skl2onnx as https://onnx.ai/sklearn-onnx/auto_tutorial/plot_icustom_converter.html
says.
"""

from typing import Any

from onnx import TensorProto
from skl2onnx.common.data_types import DoubleTensorType


def shape_of_imputed(operator: Any) -> None:
    """Tell skl2onnx the type of what comes out: the columns, then those that say where gaps were.

    Raises:
        NotImplementedError: an imputer that drops columns.
    """
    imputer = operator.raw_operator
    if not imputer.keep_empty_features:
        raise NotImplementedError("an imputer that drops empty columns")
    width = len(imputer.statistics_) + len(_indicated(imputer))
    operator.outputs[0].type = DoubleTensorType([None, width])


def convert_imputer(scope: Any, operator: Any, container: Any) -> None:
    """Write `SimpleImputer`: NaN becomes the column's statistic, indicators follow as 0 or 1."""
    imputer = operator.raw_operator
    given, answer = operator.inputs[0].full_name, operator.outputs[0].full_name
    indicated = _indicated(imputer)

    def constant(kind: int, values: list[Any]) -> str:
        name = str(scope.get_unique_variable_name("constant"))
        container.add_initializer(name, kind, [len(values)], values)
        return name

    def node(operation: str, inputs: list[str], version: int, output: str = "", **how: int) -> str:
        output = output or scope.get_unique_variable_name(operation.lower())
        name = scope.get_unique_operator_name(operation)
        container.add_node(operation, inputs, [output], op_version=version, name=name, **how)
        return output

    statistics = constant(TensorProto.DOUBLE, imputer.statistics_.tolist())
    gaps = node("IsNaN", [given], 13)
    if not indicated:
        node("Where", [gaps, statistics, given], 16, answer)
        return
    filled = node("Where", [gaps, statistics, given], 16)
    shown = node("Gather", [gaps, constant(TensorProto.INT64, indicated)], 13, axis=1)
    numbers = node("Cast", [shown], 13, to=TensorProto.DOUBLE)
    node("Concat", [filled, numbers], 13, answer, axis=1)


def _indicated(imputer: Any) -> list[int]:
    """The columns whose gaps training saw; the others have no indicator."""
    return list(imputer.indicator_.features_.tolist()) if imputer.add_indicator else []
