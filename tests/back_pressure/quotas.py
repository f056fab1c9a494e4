"""A Kafka that acknowledges slowly, while it is read from as fast as ever."""

from collections.abc import Iterator
from contextlib import contextmanager

from kafka.errors import for_code
from kafka.protocol.admin.client_quotas import AlterClientQuotasRequest

from contracts.kafka import admin_client
from contracts.settings import Settings

Entry = AlterClientQuotasRequest.EntryData


@contextmanager
def slow_acknowledgements(settings: Settings, bytes_per_second: float) -> Iterator[None]:
    """Put a quota on all producers for the length of the block (Kafka's `producer_byte_rate`)."""
    _alter(settings, bytes_per_second)
    try:
        yield
    finally:
        _alter(settings, None)


def _alter(settings: Settings, bytes_per_second: float | None) -> None:
    everybody = Entry.EntityData(entity_type="client-id", entity_name=None)
    quota = Entry.OpData(
        key="producer_byte_rate",
        value=bytes_per_second or 0.0,
        remove=bytes_per_second is None,
    )
    request = AlterClientQuotasRequest(
        entries=[Entry(entity=[everybody], ops=[quota])], validate_only=False
    )
    admin = admin_client(settings)
    try:
        # kafka-python 3.0.12 has the request, and no method that sends it.
        answer = admin._manager.run(admin._manager.send, request)
    finally:
        admin.close()
    for entry in answer.entries:
        assert entry.error_code == 0, for_code(entry.error_code)
