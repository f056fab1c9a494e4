"""All settings, read from `MILLRACE_*` environment variables; one table of them is in the docs.

Endpoints that are not set are those of the local stack that runs for this project, read from
`.millrace/stack.json`.
"""

from collections.abc import Mapping
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path
from typing import Literal

import msgspec
from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import SettingsConfigDict

from contracts.connection_security import ConnectionSecurity
from contracts.errors import ConfigurationError

STATE_FOLDER = ".millrace"
ModelRuntime = Literal["auto", "scikit-learn"]
_MODEL = "[a-z][a-z0-9_]{0,62}"
_OF_THE_LOCAL_STACK = {"MILLRACE_HOME", "MILLRACE_TEST_STACK"}


class StackEndpoints(msgspec.Struct, frozen=True):
    """The part of `.millrace/stack.json` that clients need."""

    kafka: str
    elasticsearch: str


class Settings(ConnectionSecurity):
    """The settings of every service and command."""

    model_config = SettingsConfigDict(
        env_prefix="MILLRACE_",
        env_ignore_empty=True,
        frozen=True,
        protected_namespaces=(),
        hide_input_in_errors=True,
    )

    project_dir: Path = Field(Path(), description="Folder that holds `.millrace/`")
    environment: str = Field("local", description="Name that signatures are bound to")
    bootstrap_servers: str | None = Field(
        None, description="Kafka, host:port[,host:port]; default: the local stack"
    )
    elasticsearch: str | None = Field(
        None, description="Elasticsearch URL; default: the local stack"
    )
    kibana: str | None = Field(None, description="Kibana URL, where its objects are imported")
    kibana_space: str | None = Field(
        None,
        pattern=r"^[a-z0-9_\-]+$",
        description="Space of Kibana for its objects; default: the default space",
    )
    topic_prefix: str = Field("", description="Put before every topic and consumer group")
    index_prefix: str = Field("millrace", description="Put before every index and template")
    partitions: int = Field(4, ge=1, description="Partitions of the topics that carry events")
    replication_factor: int = Field(1, ge=1, description="Replication factor of created topics")
    retention_features_days: float = Field(
        7, gt=0, le=36_500, description="How long Kafka keeps events, days; for created topics"
    )
    retention_predictions_days: float = Field(
        7, gt=0, le=36_500, description="How long predictions and shadows: what can be rebuilt"
    )
    retention_labels_days: float = Field(
        30, gt=0, le=36_500, description="How long labels, days; for created topics"
    )
    retention_dead_letters_days: float = Field(
        30, gt=0, le=36_500, description="How long dead letters, so that they can be replayed, days"
    )
    default_model: str | None = Field(
        None, description="Model of events on `features` that name none"
    )
    model_store: str | None = Field(
        None, description="Folder or fsspec URL (s3://bucket/path); default: .millrace/models"
    )
    keys_dir: Path | None = Field(None, description="Folder with keys; default: .millrace/keys")
    own_topics: str = Field(
        "",
        pattern=rf"^({_MODEL}(,{_MODEL})*)?$",
        description="Models, comma-separated, whose events have a topic `features-<model>` and "
        "workers of their own",
    )
    worker_model: str | None = Field(
        None, description="Worker: read this model's own topic, in a group of its own"
    )
    max_event_bytes: int = Field(
        1024 * 1024, ge=1024, description="Largest value on `features`; larger: dead letter"
    )
    max_past_days: float = Field(
        20 * 365.25, gt=0, description="How long ago an event may have occurred, days"
    )
    max_future_seconds: float = Field(
        3600, ge=0, description="How far in the future an event may occur, seconds"
    )
    producer_name: str | None = Field(
        None, max_length=100, description="Who a producer says it is; groups its dead letters"
    )
    producer_unacknowledged: int = Field(
        5_000, ge=1, description="Records a producer sends ahead of Kafka's acknowledgements"
    )
    delivery_timeout_seconds: float = Field(
        30, ge=1, description="How long a producer tries to deliver a record, seconds"
    )
    delivery: Literal["exactly_once", "at_least_once"] = Field(
        "exactly_once",
        description="exactly_once: predictions and positions in one Kafka transaction per batch",
    )
    startup_wait_seconds: float = Field(
        60, ge=0, description="How long a starting service waits for Kafka to answer, seconds"
    )
    worker_batch: int = Field(2000, ge=1, description="Most events scored by one predict call")
    worker_threads: int = Field(1, ge=1, description="BLAS/OpenMP threads of each worker")
    model_runtime: ModelRuntime = Field(
        "auto", description="auto: onnxruntime for models whose package has an ONNX form"
    )
    allow_pickle: bool = Field(
        True, description="false: workers load ONNX forms and skops payloads only, no joblib"
    )
    explain_share: float = Field(
        0, ge=0, le=1, description="Worker: share of predictions that get Shapley values with them"
    )
    session_timeout_ms: int = Field(
        10_000, ge=1000, description="Silence after which Kafka gives a worker's partitions away"
    )
    commit_interval_seconds: float = Field(
        0.5, gt=0, description="How often finished positions are committed"
    )
    package_retry_seconds: float = Field(
        10, ge=0, description="How long a worker waits for a package its store cannot give yet"
    )
    judge_interval_seconds: float = Field(
        30, gt=0, description="How often `millrace judge` looks at canaries, seconds"
    )
    monitor_interval_seconds: float = Field(
        30, gt=0, description="How often `millrace monitor` looks at labels and windows, seconds"
    )
    retrainer_interval_seconds: float = Field(
        10, gt=0, description="How often `millrace retrainer` looks for alerts, seconds"
    )
    alert_webhook: SecretStr | None = Field(
        None, description="URL that every alert is posted to as JSON; may hold a token"
    )
    snapshot_location: str = Field(
        "millrace",
        min_length=1,
        description="Folder of snapshots below Elasticsearch's `path.repo`, or all of its path",
    )
    bulk_documents: int = Field(2000, ge=1, description="Most documents in one bulk request")
    bulk_in_flight: int = Field(2, ge=1, description="Bulk requests under way at once")
    index_granularity: Literal["month", "day"] = Field(
        "month", description="Span of one index of events"
    )
    index_replicas: int = Field(
        0, ge=0, description="Copies of each index beside the first; 0 fits a single node"
    )
    keep_months_predictions: int | None = Field(
        None, ge=1, description="Whole months `millrace retention` keeps; default: for ever"
    )
    keep_months_labels: int | None = Field(None, ge=1, description="The same of labels")
    keep_months_outcomes: int | None = Field(None, ge=1, description="The same of outcomes")
    keep_months_dead_letters: int | None = Field(None, ge=1, description="The same of dead letters")
    keep_months_operations: int | None = Field(
        None, ge=1, description="The same of the figures of services"
    )
    http_address: str = Field(
        "127.0.0.1:0",
        pattern=r":\d{1,5}$",
        description="host:port of a service's health and metrics; port 0: any that is free",
    )
    console_address: str | None = Field(
        None,
        pattern=r":\d{1,5}$",
        description="host:port of `millrace console`; default: 127.0.0.1:5610, any free port where "
        "that is taken",
    )
    console_hosts: str = Field(
        "",
        description="Names, comma-separated, by which browsers may call the console beside "
        "localhost and its address",
    )
    stats_interval_seconds: float = Field(
        10, ge=0.1, description="How often a service tells its figures on `service-stats`"
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="Least level that is logged"
    )
    log_format: Literal["auto", "json", "console"] = Field(
        "auto", description="auto: console on a terminal, JSON lines elsewhere"
    )

    @property
    def state_dir(self) -> Path:
        """The project's `.millrace` folder: state, logs, keys and models of the local mode."""
        return self.project_dir.resolve() / STATE_FOLDER

    @property
    def keys(self) -> Path:
        """Folder with the key pairs and the trusted public keys."""
        return self.keys_dir or self.state_dir / "keys"

    @property
    def models_with_topics(self) -> tuple[str, ...]:
        """Models whose events have a topic of their own."""
        return tuple(dict.fromkeys(filter(None, self.own_topics.split(","))))

    @property
    def workers(self) -> str:
        """What this worker's consumer group is called: workers of one topic share one."""
        return f"workers-{self.worker_model}" if self.worker_model else "workers"

    @property
    def store_url(self) -> str:
        """URL of the model store."""
        return self.model_store or str(self.state_dir / "models")

    @property
    def kafka(self) -> str:
        """Bootstrap servers of Kafka.

        Raises:
            ConfigurationError: neither set nor a local stack here.
        """
        return self.bootstrap_servers or self._stack.kafka

    @property
    def elasticsearch_url(self) -> str:
        """URL of Elasticsearch.

        Raises:
            ConfigurationError: neither set nor a local stack here.
        """
        return self.elasticsearch or self._stack.elasticsearch

    @cached_property
    def _stack(self) -> StackEndpoints:
        path = self.state_dir / "stack.json"
        try:
            return msgspec.json.decode(path.read_bytes(), type=StackEndpoints)
        except FileNotFoundError:
            raise ConfigurationError(
                "no local stack runs here: start it with 'millrace up', or set "
                "MILLRACE_BOOTSTRAP_SERVERS and MILLRACE_ELASTICSEARCH"
            ) from None
        except msgspec.DecodeError as error:
            raise ConfigurationError(
                f"{path} is damaged ({error}): run 'millrace down', then 'millrace up'"
            ) from error


def unknown_variables(environment: Mapping[str, str]) -> dict[str, str | None]:
    """Variables that look like settings and are none -> the setting that was meant, if any."""
    prefix = Settings.model_config["env_prefix"]
    known = {f"{prefix}{name.upper()}" for name in Settings.model_fields}
    known |= {f"{name}_FILE" for name in known} | _OF_THE_LOCAL_STACK
    own = sorted(name.removeprefix(prefix) for name in known)
    meant: dict[str, str | None] = {}
    for name in sorted(v for v in environment if v.startswith(prefix) and v not in known):
        close = get_close_matches(name.removeprefix(prefix), own, 1)
        meant[name] = prefix + close[0] if close else None
    return meant


def load_settings(**overrides: object) -> Settings:
    """Read the settings; overrides that are None do not count.

    Raises:
        ConfigurationError: a variable has a value it cannot have.
    """
    given = {name: value for name, value in overrides.items() if value is not None}
    try:
        return Settings(**given)  # type: ignore[arg-type]
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        name = str(first["loc"][0]).upper()
        raise ConfigurationError(f"MILLRACE_{name}: {first['msg']}") from None
