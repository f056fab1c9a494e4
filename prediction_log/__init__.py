"""The log of predictions as a library: document types, index names and template, and a reader.

It knows Elasticsearch and the contracts; nothing of Kafka consumers or Faust.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from prediction_log.reader import read

__all__ = ["read"]


def __getattr__(name: str) -> Any:
    # Only readers need pandas: an indexer starts half a second sooner without it (PEP 562).
    if name != "read":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from prediction_log.reader import read

    return read
