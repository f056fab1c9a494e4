"""From the bytes of a package to a model that may serve: verify, load, check, in this order."""

import io
from importlib.metadata import version as installed_version

import joblib
import numpy as np

from contracts.errors import GoldenSampleError, PackageError
from contracts.events import Anomaly, Classification, Clustering, Outcome, Regression
from contracts.packages import Manifest, Package, verify_package
from contracts.scorer import Scorer
from contracts.signatures import TrustedKeys

TRACKED_LIBRARIES = ("scikit-learn", "numpy", "pandas", "joblib")


def installed_libraries() -> dict[str, str]:
    """Versions of the libraries that decide whether a payload can be loaded."""
    return {name: installed_version(name) for name in TRACKED_LIBRARIES}


def load_scorer(
    package: Package, *, digest: str, environment: str, trusted: TrustedKeys
) -> tuple[Manifest, Scorer]:
    """Verify a package, load it from memory and check its golden samples, in this order.

    Raises:
        SignatureError, PackageError: refused before a byte of the payload is unpickled.
        GoldenSampleError: it loads, but answers differently than when it was packaged.
    """
    manifest = verify_package(package, digest=digest, environment=environment, trusted=trusted)
    refuse_other_libraries(manifest)
    try:
        estimator = joblib.load(io.BytesIO(package.payload))
    except Exception as error:  # unpickling runs code of any kind, so it can raise anything
        raise PackageError(f"the payload cannot be loaded: {error!r}") from error
    scorer = Scorer(manifest.task, manifest.schema, estimator, manifest.classes, manifest.threshold)
    check_golden_samples(manifest, scorer)
    return manifest, scorer


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
        if outcome is None or not _alike(golden.prediction, outcome):
            raise GoldenSampleError(
                f"golden sample {number} gives {outcome}, recorded was {golden.prediction}"
            )


def _alike(expected: Outcome, actual: Outcome) -> bool:
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
    return False


def _close(expected: float, actual: float) -> bool:
    return bool(np.isclose(expected, actual, rtol=1e-6, atol=1e-9))
