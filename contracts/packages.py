"""The model package: a manifest that says everything about a model, a payload, a signature.

The manifest holds the sha256 of the payload, and of its ONNX form if there is one, and is itself
named by its sha256 (the digest), so that one signed digest pins every byte, as in OCI images.
Packages are immutable.
"""

import hashlib
import math
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec import Meta, Struct

from contracts.deployments import Digest
from contracts.errors import PackageError
from contracts.events import FeatureValue, ModelName, Outcome
from contracts.feature_schema import FeatureSchema
from contracts.keys import TrustedKeys
from contracts.release_rules import CanaryRule, Gate, MonitorRule, RetrainRule
from contracts.signatures import open_envelope, seal

PAYLOAD_TYPE = "application/vnd.millrace.manifest.v1+json"
"""DSSE payload type; part of what is signed."""

Task = Literal["classification", "regression", "clustering", "anomaly", "multi_output"]
PayloadFormat = Literal["joblib", "skops"]
Metrics = dict[str, float]


class Payload(Struct, frozen=True):
    """The serialized estimator beside the manifest. Reading joblib runs whatever its author put
    into it; reading skops builds known types only."""

    format: PayloadFormat
    sha256: Digest
    size: int


class OnnxForm(Struct, frozen=True):
    """The same model for onnxruntime, in a file of its own beside the payload."""

    sha256: Digest
    size: int


class Holdout(Struct, frozen=True):
    """Rows that the model was not fitted on when it got these `metrics`, in a file of their own:
    the gate has the champion score them too."""

    sha256: Digest
    size: int
    rows: int
    metrics: Metrics


class ReferenceFile(Struct, frozen=True):
    """What the training data looked like, in a file of its own (`contracts.reference`): what drift
    is measured against. No worker reads it."""

    sha256: Digest
    size: int


class Target(Struct, frozen=True):
    """One of several targets; without classes it is a number."""

    name: str
    classes: tuple[str, ...] = ()


class Costs(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What mistakes cost, in any unit: those of two kinds between two classes, or by class.

    Args:
        false_positive: to say the second of two classes where it is not.
        false_negative: not to say it where it is.
        by_class: true class -> answered class -> cost; what is not named costs 0 where it is
            right, else 1.
    """

    false_positive: Annotated[float, Meta(ge=0)] = 0.0
    false_negative: Annotated[float, Meta(ge=0)] = 0.0
    by_class: dict[str, dict[str, Annotated[float, Meta(ge=0)]]] = {}

    def __post_init__(self) -> None:
        of_two = (self.false_positive, self.false_negative)
        if self.by_class and any(of_two):
            raise ValueError("costs are either those of two kinds of mistakes, or by class")
        if not self.by_class and not all(of_two):
            raise ValueError("costs need a false_positive and a false_negative above 0")
        named = [cost for costs in self.by_class.values() for cost in costs.values()]
        if not all(map(math.isfinite, (*of_two, *named))):
            raise ValueError("costs are finite numbers")

    @property
    def threshold(self) -> float:
        """The probability from which saying yes costs less, if probabilities are calibrated
        (Elkan 2001, The foundations of cost-sensitive learning)."""
        return self.false_positive / (self.false_positive + self.false_negative)

    def of(self, true: str, answered: str) -> float:
        """What an answer costs, by class."""
        return self.by_class.get(true, {}).get(answered, float(true != answered))

    def matrix(self, classes: Sequence[str]) -> list[list[float]]:
        """The costs by class of k classes, k × k: a row for each that is true."""
        return [[self.of(true, answered) for answered in classes] for true in classes]


class DataWindow(Struct, frozen=True, kw_only=True):
    """What the model was trained on. Times are those of the first and last row, if known."""

    source: str
    fingerprint: str
    rows: int
    target: str | None
    time_column: str | None = None
    start: datetime | None = None
    end: datetime | None = None
    left_out: dict[str, str] = {}
    """Columns that are no features -> why."""


class GoldenSample(Struct, frozen=True):
    """An input and the prediction it must give wherever the model is loaded."""

    features: dict[str, FeatureValue]
    prediction: Outcome


class FeatureImportance(Struct, frozen=True):
    """By how much the metric drops on average when a feature is shuffled, and the standard
    deviation over the repeats."""

    mean: float
    spread: float


class Importance(Struct, frozen=True, kw_only=True):
    """What each feature is worth to a model, measured on rows that it was not fitted on."""

    metric: str
    rows: int
    repeats: int
    features: dict[str, FeatureImportance]


class TuningRecord(Struct, frozen=True, kw_only=True):
    """How the parameters were found: the best of `trials`, by `metric` on validation rows."""

    metric: str
    best: float
    trials: int
    failed: int
    parameters: dict[str, bool | int | float | str]


class Manifest(Struct, frozen=True, kw_only=True):
    """Everything about one version of a model but its payload.

    `classes` are in the order of the estimator's probabilities. `threshold`, for two classes:
    the probability of the second from which it is predicted, chosen by `costs` if there are any;
    by `costs` of each class the label is the one of least expected cost.
    `targets`, of several outputs, are in the order of the estimator's. `metrics`: data set ->
    figures. `recipe` is what a retraining starts from. Where there is no ONNX form `why_no_onnx`
    says why, but for releases that knew of none; `why_no_importance` likewise. `background` are
    rows that the model was fitted on: explanations of its predictions start from its answers to
    them.
    """

    environment: str
    model: ModelName
    version: str
    task: Task
    schema: FeatureSchema
    payload: Payload
    onnx: OnnxForm | None = None
    why_no_onnx: str | None = None
    estimator: str
    classes: tuple[str, ...] = ()
    threshold: float | None = None
    costs: Costs | None = None
    targets: tuple[Target, ...] = ()
    parameters: dict[str, str] = {}
    tuning: TuningRecord | None = None
    metrics: dict[str, Metrics] = {}
    importance: Importance | None = None
    why_no_importance: str | None = None
    data: DataWindow
    holdout: Holdout | None = None
    gate: Gate = Gate()
    canary: CanaryRule | None = None
    monitor: MonitorRule = MonitorRule()
    retrain: RetrainRule | None = None
    recipe: dict[str, Any] | None = None
    reference: ReferenceFile | None = None
    golden: tuple[GoldenSample, ...]
    background: tuple[dict[str, FeatureValue], ...] = ()
    libraries: dict[str, str]
    parent: str | None = None
    created_at: Annotated[datetime, Meta(tz=True)]
    created_by: str


class Package(Struct, frozen=True):
    """The bytes of a package as they lie in the model store."""

    manifest: bytes
    payload: bytes
    signature: bytes
    onnx: bytes | None = None

    @property
    def digest(self) -> str:
        """The sha256 of the manifest, in hex: the identity of the package."""
        return sha256(self.manifest)


def sha256(data: bytes) -> str:
    """The sha256 of some bytes in hex."""
    return hashlib.sha256(data).hexdigest()


def sign_package(
    manifest: Manifest, payload: bytes, key: Ed25519PrivateKey, onnx: bytes | None = None
) -> Package:
    """Serialize and sign a manifest; equal input gives equal bytes."""
    data = msgspec.json.encode(manifest, order="deterministic")
    return Package(data, payload, seal(data, PAYLOAD_TYPE, key), onnx)


def verify_package(
    package: Package, *, digest: str, environment: str, trusted: TrustedKeys
) -> Manifest:
    """Check a package without loading anything of it, and give its manifest.

    Raises:
        SignatureError: not signed by a trusted key while that counted.
        PackageError: the bytes are not those named by `digest`, or for another environment.
    """
    if package.digest != digest:
        raise PackageError(f"the manifest in the store is not the one with sha256 {digest[:12]}…")
    signed = open_envelope(package.signature, PAYLOAD_TYPE, trusted)
    if signed.payload != package.manifest:
        raise PackageError("the signature belongs to another manifest")
    manifest = decode_manifest(package.manifest)
    signed.key.require_valid(manifest.created_at)
    if manifest.environment != environment:
        raise PackageError(
            f"the package is for environment '{manifest.environment}', this is '{environment}'"
        )
    if sha256(package.payload) != manifest.payload.sha256:
        raise PackageError("the payload's sha256 is not the one in the manifest: it was altered")
    # Whoever uses it or not: a store in which anything was altered is not to be trusted.
    if _sha256_of_onnx(package) != (manifest.onnx and manifest.onnx.sha256):
        raise PackageError("the ONNX form's sha256 is not the one in the manifest: it was altered")
    return manifest


def _sha256_of_onnx(package: Package) -> str | None:
    return None if package.onnx is None else sha256(package.onnx)


def decode_manifest(data: bytes) -> Manifest:
    """Read a manifest, trusted or not.

    Raises:
        PackageError: it is malformed.
    """
    try:
        return msgspec.json.decode(data, type=Manifest)
    except (ValueError, RecursionError) as error:  # bytes that are not UTF-8 among them
        raise PackageError(f"the manifest is malformed: {error}") from error
