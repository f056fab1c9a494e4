"""The servers of the local stack with security on: TLS, accounts, nothing allowed by default."""

import base64
import hashlib
import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from certificates import Authority, Identity
from confluent_kafka.admin import (
    AdminClient,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)

from local_stack import Options, Stack

LOOPBACK = ("127.0.0.1", "localhost")
LISTENERS = {
    "SECURE": "SASL_SSL",
    "PASSWORD": "SASL_PLAINTEXT",
    "MUTUAL": "SSL",
    "EXPIRED": "SSL",
    "MISNAMED": "SSL",
}
_ITERATIONS = 10_000


def options(
    authority: Authority, passwords: Mapping[str, str], roles: Mapping[str, Any]
) -> Options:
    """A stack where `SECURE` asks for a password, `PASSWORD` does so without TLS, `MUTUAL` asks
    for a certificate, and the other two show certificates that nobody may trust.

    `passwords` are those of Elasticsearch's users (its file realm); each has the role
    `millrace_<user>`. The plain listener stays, and who comes by it may do everything: it is the
    way of the broker itself, and of the tests that set up accounts.
    """
    good = authority.issue("server", *LOOPBACK)
    return Options(
        short_lived=True,
        kafka_listeners=LISTENERS,
        kafka_settings={
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "super.users": "User:ANONYMOUS",
            "listener.name.secure.sasl.enabled.mechanisms": "SCRAM-SHA-256,SCRAM-SHA-512,PLAIN",
            "listener.name.secure.scram-sha-256.sasl.jaas.config": _SCRAM,
            "listener.name.secure.scram-sha-512.sasl.jaas.config": _SCRAM,
            "listener.name.secure.plain.sasl.jaas.config": _plain(passwords),
            "listener.name.password.sasl.enabled.mechanisms": "SCRAM-SHA-512",
            "listener.name.password.scram-sha-512.sasl.jaas.config": _SCRAM,
            "listener.name.mutual.ssl.client.auth": "required",
            "listener.name.mutual.ssl.principal.mapping.rules": "RULE:^CN=(.*)$/$1/,DEFAULT",
            **_shows("secure", good, authority),
            **_shows("mutual", good, authority),
            **_shows("expired", authority.issue("late", *LOOPBACK, expired=True), authority),
            **_shows("misnamed", authority.issue("other", "kafka.example"), authority),
        },
        elasticsearch_password=secrets.token_urlsafe(16),
        elasticsearch_ca=authority.certificate,
        elasticsearch_settings={
            "xpack.security.http.ssl.enabled": True,
            "xpack.security.http.ssl.certificate": "http.crt",
            "xpack.security.http.ssl.key": "http.key",
            "xpack.security.authc.password_hashing.algorithm": "pbkdf2",
        },
        elasticsearch_files={
            "http.crt": good.certificate,
            "http.key": good.key,
            "roles.yml": "".join(f"{name}: {json.dumps(role)}\n" for name, role in roles.items()),
            "users": "".join(f"{user}:{_hashed(word)}\n" for user, word in passwords.items()),
            "users_roles": "".join(f"millrace_{user}:{user}\n" for user in passwords),
        },
    )


def create_kafka_users(stack: Stack, passwords: Mapping[str, str]) -> None:
    """Accounts for both SCRAM mechanisms."""
    admin = AdminClient({"bootstrap.servers": stack.kafka.endpoint})
    for mechanism in (ScramMechanism.SCRAM_SHA_256, ScramMechanism.SCRAM_SHA_512):
        upsertions = [
            UserScramCredentialUpsertion(
                user, ScramCredentialInfo(mechanism, 4096), password.encode(), os.urandom(16)
            )
            for user, password in passwords.items()
        ]
        for done in admin.alter_user_scram_credentials(upsertions).values():
            done.result(30)


def private(path: Path, content: str) -> Path:
    """A file that only its owner reads."""
    path.touch(mode=0o600)
    path.write_text(content)
    return path


_SCRAM = "org.apache.kafka.common.security.scram.ScramLoginModule required;"


def _plain(passwords: Mapping[str, str]) -> str:
    users = " ".join(f'user_{user}="{password}"' for user, password in passwords.items())
    return f"org.apache.kafka.common.security.plain.PlainLoginModule required {users};"


def _shows(listener: str, identity: Identity, authority: Authority) -> dict[str, str]:
    return {
        f"listener.name.{listener}.ssl.{name}": value
        for name, value in {
            "keystore.type": "PEM",
            "keystore.certificate.chain": identity.certificate,
            "keystore.key": identity.key,
            "truststore.type": "PEM",
            "truststore.certificates": authority.certificate,
        }.items()
    }


def _hashed(password: str) -> str:
    """As Elasticsearch's file realm keeps it: `{PBKDF2}<iterations>$<salt>$<hash>`."""
    salt = os.urandom(32)
    key = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, _ITERATIONS, 32)
    encoded = "$".join(base64.b64encode(part).decode() for part in (salt, key))
    return f"{{PBKDF2}}{_ITERATIONS}${encoded}"
