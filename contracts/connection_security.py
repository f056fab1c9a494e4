"""The settings of protected connections: TLS, accounts, and secrets from variables or files."""

import os
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, FilePath, SecretStr, model_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

from contracts.errors import ConfigurationError

_OTHERS = 0o007


class ConnectionSecurity(BaseSettings):
    """How every client of Kafka, Elasticsearch and Kibana protects and introduces itself."""

    kafka_security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        "PLAINTEXT", description="How to speak with Kafka; SSL is TLS, SASL is a password"
    )
    kafka_sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = Field(
        "SCRAM-SHA-512", description="How to show Kafka the password"
    )
    kafka_username: str | None = Field(None, description="Account at Kafka")
    kafka_password: SecretStr | None = Field(None, description="Its password")
    kafka_ca_file: FilePath | None = Field(
        None, description="Authorities that vouch for Kafka, PEM; default: the system's"
    )
    kafka_client_certificate: FilePath | None = Field(
        None, description="Certificate that stands for this client at Kafka, PEM"
    )
    kafka_client_key: FilePath | None = Field(None, description="Private key of it, PEM")
    kafka_client_key_password: SecretStr | None = Field(None, description="What opens that key")
    kafka_check_hostname: bool = Field(
        True, description="Whether Kafka's certificate must be for the host that was asked"
    )
    elasticsearch_api_key: SecretStr | None = Field(
        None, description="API key for Elasticsearch and Kibana, encoded as they give it out"
    )
    elasticsearch_username: str | None = Field(
        None, description="Account at Elasticsearch and Kibana, instead of an API key"
    )
    elasticsearch_password: SecretStr | None = Field(None, description="Its password")
    elasticsearch_ca_file: FilePath | None = Field(
        None,
        description="Authorities that vouch for Elasticsearch and Kibana, PEM; "
        "default: the system's",
    )
    elasticsearch_client_certificate: FilePath | None = Field(
        None, description="Certificate that stands for this client at Elasticsearch, PEM"
    )
    elasticsearch_client_key: FilePath | None = Field(None, description="Private key of it, PEM")
    elasticsearch_client_key_password: SecretStr | None = Field(
        None, description="What opens that key"
    )

    @property
    def kafka_identity(self) -> str:
        """Whom Kafka takes us for, in words."""
        if self.kafka_security_protocol.startswith("SASL"):
            return f"user '{self.kafka_username}'"
        return "the client certificate" if self.kafka_client_certificate else "an anonymous client"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """What is said in code, then variables, then the files that variables name."""
        return init_settings, env_settings, SecretFiles(settings_cls)

    @model_validator(mode="after")
    def _nothing_is_ignored(self) -> "ConnectionSecurity":
        """Refuse what the protocol would leave unused: it would go unprotected unnoticed."""
        protocol = self.kafka_security_protocol
        for name in ("kafka_username", "kafka_password"):
            given, needed = getattr(self, name) is not None, protocol.startswith("SASL")
            if needed and not given:
                raise ConfigurationError(
                    f"MILLRACE_KAFKA_SECURITY_PROTOCOL is {protocol}: set {_variable(name)}"
                )
            if given and not needed:
                raise _unused(name, protocol, "SASL_SSL")
        for name in ("kafka_ca_file", "kafka_client_certificate"):
            if getattr(self, name) is not None and not protocol.endswith("SSL"):
                raise _unused(name, protocol, "SSL or SASL_SSL")
        return self

    @model_validator(mode="after")
    def _pairs_are_whole(self) -> "ConnectionSecurity":
        for one, other in _PAIRS:
            if (getattr(self, one) is None) != (getattr(self, other) is None):
                raise ConfigurationError(
                    f"{_variable(one)} and {_variable(other)} belong together: set both or neither"
                )
        if self.elasticsearch_api_key is not None and self.elasticsearch_username is not None:
            raise ConfigurationError(
                "both MILLRACE_ELASTICSEARCH_API_KEY and MILLRACE_ELASTICSEARCH_USERNAME are set: "
                "keep one"
            )
        return self

    @model_validator(mode="after")
    def _secrets_are_kept(self) -> "ConnectionSecurity":
        for name in ("kafka_client_key", "elasticsearch_client_key"):
            if (path := getattr(self, name)) is not None:
                _require_private(path, _variable(name))
        for name in ("elasticsearch", "kibana"):
            if "@" in urlsplit(getattr(self, name, None) or "").netloc:
                raise ConfigurationError(
                    f"{_variable(name)} must not hold a password, since addresses are shown: set "
                    "MILLRACE_ELASTICSEARCH_USERNAME and MILLRACE_ELASTICSEARCH_PASSWORD_FILE"
                )
        return self


_PAIRS = (
    ("kafka_client_certificate", "kafka_client_key"),
    ("elasticsearch_client_certificate", "elasticsearch_client_key"),
    ("elasticsearch_username", "elasticsearch_password"),
)


class SecretFiles(PydanticBaseSettingsSource):
    """Secrets from files: `MILLRACE_KAFKA_PASSWORD_FILE` names the file that holds the password."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """The content of the file, if the field is a secret and its variable names one.

        Raises:
            ConfigurationError: the file cannot be read, others can read it, or the secret is
                given twice.
        """
        variable = _variable(field_name)
        path = os.environ.get(f"{variable}_FILE") if is_secret(field) else None
        if not path:
            return None, field_name, False
        if os.environ.get(variable):
            raise ConfigurationError(f"both {variable} and {variable}_FILE are set: keep one")
        return read_secret(Path(path), f"{variable}_FILE"), field_name, False

    def __call__(self) -> dict[str, Any]:
        """All secrets that files hold."""
        found = {
            name: self.get_field_value(field, name)[0]
            for name, field in self.settings_cls.model_fields.items()
        }
        return {name: value for name, value in found.items() if value is not None}


def is_secret(field: FieldInfo) -> bool:
    """Whether a setting's value may never be shown."""
    return field.annotation == SecretStr | None


def read_secret(path: Path, variable: str) -> str:
    """The content of a file without the line break at its end.

    Raises:
        ConfigurationError: it cannot be read, is empty, or others than its owner and group may
            touch it.
    """
    try:
        _require_private(path, variable)
        secret = path.read_text("utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{variable}: {path} cannot be read: {error}") from None
    if not secret:
        raise ConfigurationError(f"{variable}: {path} is empty")
    return secret


def _require_private(path: Path, variable: str) -> None:
    if path.stat().st_mode & _OTHERS:
        raise ConfigurationError(
            f"{variable}: everybody on this machine may open {path}: run 'chmod 600 {path}'"
        )


def _unused(name: str, protocol: str, better: str) -> ConfigurationError:
    return ConfigurationError(
        f"MILLRACE_KAFKA_SECURITY_PROTOCOL is {protocol}, so {_variable(name)} would not be used: "
        f"say {better}, or do without it"
    )


def _variable(name: str) -> str:
    return f"MILLRACE_{name.upper()}"
