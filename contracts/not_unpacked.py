"""What stands for records whose batch is too large to unpack; no client is needed to know it."""

MOST_BYTES = 100_000_000
"""Of one batch, unpacked; what librdkafka unpacks, too (its `receive.message.max.bytes`)."""

NOT_UNPACKED_DETAIL = (
    f"it came in a batch that unpacks to more than {MOST_BYTES:,} bytes; send smaller batches"
)


class NotUnpacked(bytes):
    """The value of a record, empty: nothing else is known of it, its headers are None. Who need not
    have each record of its batch goes on behind `last_offset`: there may be millions."""

    last_offset: int
