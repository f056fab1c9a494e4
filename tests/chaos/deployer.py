"""Publishes version after version of one model, each with the one before as its shadow."""

import io
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import confluent_kafka as ck
import joblib
import msgspec
from chaos.load import MODEL
from chaos.paced_model import PacedRegressor

from contracts.deployments import PAYLOAD_TYPE, DeployedVersion, Deployment
from contracts.feature_schema import Feature, FeatureSchema
from contracts.kafka import librdkafka_settings
from contracts.keys import generate_keys, load_private_key
from contracts.model_store import ModelStore
from contracts.package_loading import installed_libraries
from contracts.packages import (
    DataWindow,
    GoldenSample,
    Manifest,
    Package,
    Payload,
    sha256,
    sign_package,
)
from contracts.scorer import Scorer
from contracts.settings import Settings
from contracts.signatures import seal
from contracts.topics import Topics

_SCHEMA = FeatureSchema((Feature("size", "numeric"),))


class Deployer:
    """Deploys also while Kafka is away: the record is sent as soon as Kafka is back."""

    def __init__(self, settings: Settings) -> None:
        generate_keys(settings.keys)
        self._settings = settings
        self._store = ModelStore(settings.store_url)
        self._topic = Topics(settings).model_control.name
        self._producer = ck.Producer({**librdkafka_settings(settings), "enable.idempotence": True})
        self._newest: DeployedVersion | None = None
        self.version = 0

    def next_version(self) -> None:
        """Store the next version and deploy it."""
        self.store_next()
        self.deploy()

    def store_next(self) -> Path:
        """Put the next version into the model store; gives its package's folder."""
        self.version += 1
        name = str(self.version)
        package = _package(self._settings, name, float(self.version))
        self._store.put(MODEL, name, package)
        self._next = DeployedVersion(name, package.digest)
        return Path(self._settings.store_url) / MODEL / "packages" / package.digest

    def deploy(self) -> None:
        """Deploy what was stored last."""
        deployment = Deployment(
            environment=self._settings.environment,
            model=MODEL,
            sequence=self.version,
            champion=self._next,
            shadows=(self._newest,) if self._newest else (),
            author="chaos",
            reason="a swap in the middle",
            created_at=datetime.now(UTC),
        )
        key = load_private_key(self._settings.keys, "deployments")
        envelope = seal(msgspec.json.encode(deployment), PAYLOAD_TYPE, key)
        self._producer.produce(self._topic, envelope, MODEL)
        self._producer.poll(0)
        self._newest = self._next

    def flush(self) -> None:
        """Wait until Kafka has all deployments."""
        assert self._producer.flush(60) == 0, "Kafka did not take the deployment within 60 s"


def _package(settings: Settings, version: str, answer: float) -> Package:
    estimator = PacedRegressor(answer).fit(None)
    payload = io.BytesIO()
    joblib.dump(estimator, payload)
    content = payload.getvalue()
    sample: dict[str, Any] = {"size": 1.0}
    [golden] = Scorer("regression", _SCHEMA, estimator).predict(_SCHEMA.columns([sample]))
    assert golden is not None
    manifest = Manifest(
        environment=settings.environment,
        model=MODEL,
        version=version,
        task="regression",
        schema=_SCHEMA,
        payload=Payload("joblib", sha256(content), len(content)),
        estimator="PacedRegressor",
        data=DataWindow(source="chaos", fingerprint="", rows=1, target="y"),
        golden=(GoldenSample(sample, golden),),
        libraries=installed_libraries(),
        created_at=datetime.now(UTC),
        created_by="chaos",
    )
    return sign_package(manifest, content, load_private_key(settings.keys, "packages"))
