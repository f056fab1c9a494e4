"""A model in its ONNX form, behind the methods of scikit-learn that a scorer calls."""

from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

from contracts.errors import PackageError

_DOUBLES = "tensor(double)"
_ERRORS_ONLY = 3


def onnxruntime_installed() -> bool:
    """Whether ONNX forms can be used here: they are an extra."""
    return find_spec("onnxruntime") is not None


class OnnxModel:
    """A session of onnxruntime on one thread: the other cores belong to other workers.

    The graph takes n rows of float64 and gives float64, and nothing else: n rows of probabilities
    in the order of the classes, or n values. Which of the two, the manifest's task says.

    A row that scikit-learn raises on, because something in it is infinite on the way, has an
    answer here, or one that is not finite.

    Raises:
        PackageError: onnxruntime does not take it, or it has another type.
    """

    def __init__(self, form: bytes) -> None:
        try:
            self._session = _session(form)
        except Exception as error:  # one class per status, and whatever importing raises
            raise PackageError(f"onnxruntime does not take the ONNX form: {error}") from error
        given, answers = self._session.get_inputs(), self._session.get_outputs()
        types = [[tensor.type for tensor in tensors] for tensors in (given, answers)]
        if types != [[_DOUBLES], [_DOUBLES]]:
            raise PackageError(
                f"the ONNX form takes {types[0]} and gives {types[1]}, not one tensor of float64 "
                "each: anything less answers differently"
            )
        self._input = given[0].name

    def predict_proba(self, inputs: NDArray[np.float64], /) -> NDArray[np.float64]:
        """Probabilities of n rows, one column per class."""
        return self.predict(inputs)

    def predict(self, inputs: NDArray[np.float64], /) -> NDArray[np.float64]:
        """What the graph answers to n rows."""
        [answer] = self._session.run(None, {self._input: inputs})
        return np.asarray(answer)


def _session(form: bytes) -> Any:
    import onnxruntime  # optional, and a second to import

    onnxruntime.disable_telemetry_events()
    options = onnxruntime.SessionOptions()
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    # A thread that waits for work by spinning burns the core that others score on.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = _ERRORS_ONLY
    return onnxruntime.InferenceSession(form, options, providers=["CPUExecutionProvider"])
