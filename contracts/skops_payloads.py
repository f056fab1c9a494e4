"""Estimators without pickle: what a skops payload may hold
(https://skops.readthedocs.io/en/stable/persistence.html)."""

from importlib import import_module

import skops.io

from contracts.errors import PackageError
from contracts.scorer import Estimator

_TRUSTED_LIBRARIES = ("sklearn", "xgboost", "lightgbm")
"""Whose classes a skops payload may hold beside what skops trusts itself. Not their functions: a
transformer that is given one calls it."""

_TRUSTED_NAMES = frozenset(
    {
        "functools.partial",
        "numpy.dtype",
        "scipy._lib.array_api_compat.numpy._aliases.asarray",
        "scipy.interpolate._bsplines.BSpline",
        "sklearn.utils.validation.check_array",
    }
)
"""What histogram boosting, splines and preparations hold besides. A partial calls what it is made
of, which must be trusted itself."""


def dump_skops(estimator: Estimator) -> bytes:
    """Write an estimator.

    Raises:
        PackageError: skops cannot write it, or nobody could read it then.
    """
    try:
        data: bytes = skops.io.dumps(estimator)
    except Exception as error:  # one class per type it does not know
        raise PackageError(f"skops cannot write this estimator: {error}") from error
    trusted_types(data)
    return data


def load_skops(payload: bytes) -> Estimator:
    """Read an estimator.

    Raises:
        PackageError: it holds types that are not trusted, or cannot be read.
    """
    trusted = trusted_types(payload)
    try:
        return skops.io.loads(payload, trusted=trusted)  # type: ignore[no-any-return]
    except Exception as error:  # a broken archive raises whatever its reader does
        raise PackageError(f"the payload cannot be loaded: {error!r}") from error


def trusted_types(payload: bytes) -> list[str]:
    """Types in a skops payload that skops does not trust by itself and we do.

    Raises:
        PackageError: it holds others, or cannot be read.
    """
    try:
        found: list[str] = skops.io.get_untrusted_types(data=payload)
    except Exception as error:  # a broken archive raises whatever its reader does
        raise PackageError(f"the skops payload cannot be read: {error!r}") from error
    strange = [name for name in found if not is_trusted(name)]
    if strange:
        raise PackageError(
            f"the payload holds {', '.join(strange)}, which a payload without pickle may not: use "
            "scikit-learn's own parts, or the payload joblib"
        )
    return found


def is_trusted(name: str) -> bool:
    """Whether a skops payload may hold what goes by a name, beside what skops trusts itself."""
    if name in _TRUSTED_NAMES:
        return True
    module, _, attribute = name.rpartition(".")
    if module.split(".")[0] not in _TRUSTED_LIBRARIES:
        return False
    try:
        found = getattr(import_module(module), attribute, None)
    except ImportError:
        return False
    # At home there: modules also hold classes of others that they import, such as attrgetter.
    return isinstance(found, type) and (found.__module__, found.__qualname__) == (module, attribute)
