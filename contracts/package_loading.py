"""From the bytes of a package to a model that may serve: verify, load, check, in this order."""

from importlib.metadata import version as installed_version

import numpy as np
import structlog

from contracts.errors import GoldenSampleError, MillraceError, PackageError
from contracts.events import (
    Anomaly,
    Classification,
    Clustering,
    MultiOutput,
    Outcome,
    Regression,
)
from contracts.keys import TrustedKeys
from contracts.onnx_model import OnnxModel, onnxruntime_installed
from contracts.packages import Manifest, Package, verify_package
from contracts.payloads import load_payload
from contracts.scorer import Estimator, Scorer
from contracts.settings import ModelRuntime

log = structlog.get_logger("packages")
TRACKED_LIBRARIES = ("scikit-learn", "numpy", "pandas", "joblib")


def installed_libraries() -> dict[str, str]:
    """Versions of the libraries that decide whether a payload can be loaded."""
    return {name: installed_version(name) for name in TRACKED_LIBRARIES}


def load_scorer(
    package: Package,
    *,
    digest: str,
    environment: str,
    trusted: TrustedKeys,
    runtime: ModelRuntime = "scikit-learn",
    allow_pickle: bool = True,
) -> tuple[Manifest, Scorer]:
    """Verify a package, load it from memory and check its golden samples, in this order.

    Args:
        runtime: `auto` takes the ONNX form, where there is one that works here; then nothing is
            unpickled.
        allow_pickle: False: only what loads without unpickling, an ONNX form or skops; whoever
            can sign packages cannot run code here then.

    Raises:
        SignatureError, PackageError: refused before a byte of the model is loaded.
        GoldenSampleError: it loads, but answers differently than when it was packaged.
    """
    manifest = verify_package(package, digest=digest, environment=environment, trusted=trusted)
    # Whichever runtime serves: of two workers both take a package, or neither does.
    refuse_other_libraries(manifest)
    must_be_onnx = manifest.payload.format == "joblib" and not allow_pickle
    if (runtime == "auto" or must_be_onnx) and package.onnx is not None and onnxruntime_installed():
        scorer = _by_onnxruntime(manifest, package.onnx)
        if scorer is not None:
            return manifest, scorer
    if must_be_onnx:
        raise PackageError(
            f"version {manifest.version} of '{manifest.model}' needs unpickling, which "
            "MILLRACE_ALLOW_PICKLE=false forbids: train it with payload = 'skops', or so that it "
            "has an ONNX form, and install onnxruntime here"
        )
    scorer = scorer_of(manifest, load_payload(manifest.payload.format, package.payload))
    check_golden_samples(manifest, scorer)
    return manifest, scorer


def scorer_of(manifest: Manifest, estimator: Estimator) -> Scorer:
    """The model that a manifest describes, by whatever answers for it."""
    return Scorer(
        manifest.task,
        manifest.schema,
        estimator,
        manifest.classes,
        manifest.threshold,
        manifest.targets,
        manifest.costs,
    )


def _by_onnxruntime(manifest: Manifest, form: bytes) -> Scorer | None:
    told = log.bind(model=manifest.model, version=manifest.version)
    try:
        scorer = scorer_of(manifest, OnnxModel(form))
        check_golden_samples(manifest, scorer)
    except MillraceError as error:  # another processor, another onnxruntime: no reason not to serve
        told.warning("onnxruntime cannot serve, scikit-learn does", reason=str(error))
        return None
    told.info("onnxruntime serves")
    return scorer


def refuse_other_libraries(manifest: Manifest) -> None:
    """scikit-learn promises to load what the same major and minor version saved, no other
    (https://scikit-learn.org/stable/model_persistence.html).

    Raises:
        PackageError: the package was made with another version than is installed.
    """
    made_with = manifest.libraries.get("scikit-learn", "none")
    here = installed_version("scikit-learn")
    if made_with.split(".")[:2] != here.split(".")[:2]:
        raise PackageError(
            f"made with scikit-learn {made_with}, this process has {here}: train it again here, "
            f"or run this service with scikit-learn {made_with}"
        )


def check_golden_samples(manifest: Manifest, scorer: Scorer) -> None:
    """Compare the model's answers with those recorded in its manifest.

    Raises:
        GoldenSampleError: a prediction differs by more than rounding.
    """
    if not manifest.golden:
        raise GoldenSampleError("the package has no golden samples")
    try:
        outcomes = scorer.predict(scorer.schema.columns([g.features for g in manifest.golden]))
    except Exception as error:  # an estimator may raise anything
        raise GoldenSampleError(f"the model cannot score its golden samples: {error!r}") from error
    for number, (golden, outcome) in enumerate(zip(manifest.golden, outcomes, strict=True)):
        if outcome is None or not alike(golden.prediction, outcome):
            raise GoldenSampleError(
                f"golden sample {number} gives {outcome}, recorded was {golden.prediction}"
            )


def alike(expected: Outcome, actual: Outcome) -> bool:
    """Whether two answers of one model differ by no more than rounding of float64."""
    if isinstance(expected, Classification) and isinstance(actual, Classification):
        return expected.label == actual.label and all(
            _close(p, actual.probabilities.get(label, -1.0))
            for label, p in expected.probabilities.items()
        )
    if isinstance(expected, Regression) and isinstance(actual, Regression):
        return _close(expected.value, actual.value)
    if isinstance(expected, Clustering) and isinstance(actual, Clustering):
        return expected.cluster == actual.cluster
    if isinstance(expected, Anomaly) and isinstance(actual, Anomaly):
        return expected.is_anomaly == actual.is_anomaly and _close(expected.score, actual.score)
    if isinstance(expected, MultiOutput) and isinstance(actual, MultiOutput):
        return expected.outputs.keys() == actual.outputs.keys() and all(
            alike(part, actual.outputs[target]) for target, part in expected.outputs.items()
        )
    return False


def _close(expected: float, actual: float) -> bool:
    return bool(np.isclose(expected, actual, rtol=1e-6, atol=1e-9))
