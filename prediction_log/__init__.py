"""The log of predictions as a library: document types, index names and template, and a reader.

It knows Elasticsearch and the contracts; nothing of Kafka consumers or Faust.
"""

from prediction_log.reader import read

__all__ = ["read"]
