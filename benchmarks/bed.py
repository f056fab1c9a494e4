"""Real servers and topics for the length of a run, with a model of each workload published."""

import shutil
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import confluent_kafka as ck
import joblib
import msgspec
from confluent_kafka.admin import (  # type: ignore[attr-defined]
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    OffsetSpec,
)

import local_stack
from benchmarks.workloads import Workload
from contracts.kafka import create_topics
from contracts.keys import generate_keys, load_private_key
from contracts.model_store import ModelStore
from contracts.package_loading import installed_libraries
from contracts.packages import DataWindow, Manifest, Payload, sha256
from contracts.payloads import dump_payload
from contracts.settings import Settings, load_settings
from contracts.topics import Topics
from trainer.deployments.deploying import publish
from trainer.golden import golden_samples
from trainer.onnx_form import with_onnx
from trainer.packaging import store_package

_WAIT_SECONDS = 60.0
_PASSING = (
    ck.KafkaError.NOT_COORDINATOR,
    ck.KafkaError.COORDINATOR_NOT_AVAILABLE,
    ck.KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
    ck.KafkaError.NON_EMPTY_GROUP,
)


class Bed:
    """One installation: its own topics, keys, model store and indices.

    Attributes:
        files: the models as plain files, one folder for each, for those who have no model store.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.topics = Topics(settings)
        self.files = settings.project_dir / "models"
        self._admin = AdminClient({"bootstrap.servers": settings.kafka})
        create_topics(settings)
        generate_keys(settings.keys)
        # Kafka's own time of arrival tells the rate without anybody who reads along.
        self._alter(self.topics.predictions.name, {"message.timestamp.type": "LogAppendTime"})

    def add_model(self, workload: Workload, name: str | None = None) -> None:
        """Package, sign and publish a workload's model, and lay it down as files."""
        name = name or workload.name
        self.add_version(workload, name)
        publish(self.settings, name)
        folder = self.files / name
        folder.mkdir(parents=True, exist_ok=True)
        joblib.dump(workload.scorer.estimator, folder / "model.joblib")
        (folder / "schema.json").write_bytes(msgspec.json.encode(workload.schema))
        (folder / "classes.json").write_bytes(msgspec.json.encode(workload.classes))

    def add_version(self, workload: Workload, name: str) -> str:
        """Package and sign one more version of a workload's model; its number."""
        payload = dump_payload("joblib", workload.scorer.estimator)
        draft = Manifest(
            environment=self.settings.environment,
            model=name,
            version="0",
            task=workload.task,
            schema=workload.schema,
            payload=Payload("joblib", sha256(payload), len(payload)),
            estimator=type(workload.scorer.estimator).__name__,
            classes=workload.classes,
            data=DataWindow(source="benchmark", fingerprint="", rows=0, target="y"),
            golden=golden_samples(workload.scorer, workload.columns),
            libraries=installed_libraries(),
            created_at=datetime.now(UTC),
            created_by="benchmark",
        )
        draft, onnx = with_onnx(draft, workload.scorer.estimator, workload.columns)
        key = load_private_key(self.settings.keys, "packages")
        store = ModelStore(self.settings.store_url)
        stored, _ = store_package(store, draft, payload, key, onnx)
        return stored.version

    def fill(self, workload: Workload, count: int, models: Sequence[str] = ()) -> None:
        """Put so many events onto `features`, spread evenly over its partitions."""
        producer = ck.Producer(
            {
                "bootstrap.servers": self.settings.kafka,
                "compression.type": "lz4",
                "queue.buffering.max.messages": 500_000,
                "linger.ms": 20,
            }
        )
        topic, partitions = self.topics.features.name, self.settings.partitions
        for number, (key, value) in enumerate(workload.messages(count, models)):
            while True:
                try:
                    producer.produce(topic, value, key, number % partitions)
                    break
                except BufferError:
                    producer.poll(0.1)
        producer.flush()

    def ends(self, topic: str) -> dict[int, int]:
        """The end of every partition of a topic."""
        wanted = {
            ck.TopicPartition(topic, number): OffsetSpec.latest()  # type: ignore[no-untyped-call]
            for number in range(self.settings.partitions)
        }
        found = self._admin.list_offsets(wanted, request_timeout=_WAIT_SECONDS)
        return {place.partition: future.result().offset for place, future in found.items()}

    def forget_group(self, group: str) -> None:
        """Let a consumer group begin anew, once its last member has left or is taken for dead."""
        deadline = time.monotonic() + _WAIT_SECONDS
        while True:
            [future] = self._admin.delete_consumer_groups([group]).values()
            try:
                future.result(_WAIT_SECONDS)
                return
            except ck.KafkaException as error:
                code = error.args[0].code()
                if code == ck.KafkaError.GROUP_ID_NOT_FOUND:
                    return
                if code not in _PASSING or time.monotonic() > deadline:
                    raise
            time.sleep(0.2)

    def truncate(self, topic: str) -> None:
        """Delete what a topic holds by now: disks are finite."""
        places = [ck.TopicPartition(topic, n, end) for n, end in self.ends(topic).items()]
        for future in self._admin.delete_records(places).values():
            future.result(_WAIT_SECONDS)

    def delete_topics(self) -> None:
        """Let Kafka have the disk again: a part of the benchmarks fills gigabytes."""
        prefix = self.settings.topic_prefix
        names = [name for name in self._admin.list_topics().topics if name.startswith(prefix)]
        for future in self._admin.delete_topics(names).values():
            future.result(_WAIT_SECONDS)

    def _alter(self, topic: str, config: dict[str, str]) -> None:
        entries = [
            ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET)
            for name, value in config.items()
        ]
        resource = ConfigResource(ConfigResource.Type.TOPIC, topic, incremental_configs=entries)
        for future in self._admin.incremental_alter_configs([resource]).values():
            future.result(_WAIT_SECONDS)


@contextmanager
def bed(servers: local_stack.Stack, folder: Path, partitions: int = 4) -> Iterator[Bed]:
    """An installation on running servers; its files and topics are deleted afterwards."""
    unique = uuid.uuid4().hex[:8]
    project = folder / unique
    project.mkdir()
    made = Bed(
        load_settings(
            project_dir=project,
            bootstrap_servers=servers.kafka.endpoint,
            elasticsearch=servers.elasticsearch.endpoint,
            topic_prefix=f"b{unique}.",
            index_prefix=f"b{unique}",
            partitions=partitions,
        )
    )
    try:
        yield made
    finally:
        made.delete_topics()
    shutil.rmtree(project, ignore_errors=True)
