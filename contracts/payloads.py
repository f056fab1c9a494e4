"""Estimators as bytes: joblib, which takes anything and trusts its author, and skops, which does
not. skops is imported where it is asked for: it imports all of scikit-learn, which is slow."""

import io

import joblib

from contracts.errors import PackageError
from contracts.packages import PayloadFormat
from contracts.scorer import Estimator

_COMPRESSION = 3
"""zlib level: a tenth of the size of a forest, at little cost."""


def dump_payload(format_: PayloadFormat, estimator: Estimator) -> bytes:
    """Write an estimator.

    Raises:
        PackageError: skops cannot write it, or nobody could read it then.
    """
    if format_ == "skops":
        from contracts.skops_payloads import dump_skops

        return dump_skops(estimator)
    buffer = io.BytesIO()
    joblib.dump(estimator, buffer, compress=_COMPRESSION)
    return buffer.getvalue()


def load_payload(format_: PayloadFormat, payload: bytes) -> Estimator:
    """Read an estimator, of bytes that have been verified.

    Raises:
        PackageError: it cannot be read, or a skops payload holds types that are not trusted.
    """
    if format_ == "skops":
        from contracts.skops_payloads import load_skops

        return load_skops(payload)
    try:
        return joblib.load(io.BytesIO(payload))  # type: ignore[no-any-return]
    except Exception as error:  # unpickling runs code of any kind, so it can raise anything
        raise PackageError(f"the payload cannot be loaded: {error!r}") from error
