"""Grants the accounts of acls.toml what they need: `python deploy/kafka/apply.py [--dry-run]`.

Connects by the `MILLRACE_*` settings, as an account that may alter ACLs. It adds and never takes
away, so it may be run again; what is no longer in the file stays until it is removed by hand.
"""

import argparse
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

from confluent_kafka import KafkaException
from confluent_kafka.admin import (
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
)

from contracts.errors import MillraceError
from contracts.kafka_access import require_entry
from contracts.kafka_clients import librdkafka_settings
from contracts.settings import load_settings

FILE = Path(__file__).with_name("acls.toml")
_SECONDS = 30.0
_PATTERNS = {
    "topics": (ResourceType.TOPIC, ResourcePatternType.LITERAL),
    "groups": (ResourceType.GROUP, ResourcePatternType.LITERAL),
    "group_prefixes": (ResourceType.GROUP, ResourcePatternType.PREFIXED),
    "transactional_id_prefixes": (
        ResourceType.TRANSACTIONAL_ID,
        ResourcePatternType.PREFIXED,
    ),
}

Accounts = dict[str, dict[str, dict[str, list[str]]]]
"""User -> kind of resource -> operation -> names."""


def bindings(accounts: Accounts, prefix: str) -> Iterator[AclBinding]:
    """What is to be granted; `prefix` is put before every name."""
    for user, kinds in accounts.items():
        for kind, operations in kinds.items():
            resource, pattern = _PATTERNS[kind]
            for operation, names in operations.items():
                for name in names:
                    yield AclBinding(
                        resource,
                        prefix + name,
                        pattern,
                        f"User:{user}",
                        "*",
                        AclOperation[operation],
                        AclPermissionType.ALLOW,
                    )


def main(arguments: list[str]) -> int:
    """Grant everything; 0 done, 1 refused, 2 the caller's mistake."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--dry-run", action="store_true", help="only show what would be granted")
    dry = options.parse_args(arguments).dry_run
    try:
        settings = load_settings()
        wanted = list(bindings(tomllib.loads(FILE.read_text("utf-8")), settings.topic_prefix))
        for acl in wanted:
            print(
                acl.principal,
                acl.operation.name,
                acl.restype.name,
                acl.resource_pattern_type.name,
                acl.name,
            )
        if not dry:
            require_entry(settings)
            client = AdminClient(librdkafka_settings(settings))
            for done in client.create_acls(wanted, request_timeout=_SECONDS).values():
                done.result()
    except KafkaException as error:
        print(f"apply: Kafka refused: {error.args[0].str()}", file=sys.stderr)
        return 1
    except MillraceError as error:
        print(f"apply: {error}", file=sys.stderr)
        return error.exit_status
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
