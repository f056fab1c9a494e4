"""Ids in Kibana: they follow from names alone, so that an import replaces its predecessor."""

import uuid

_OURS = uuid.uuid5(uuid.NAMESPACE_DNS, "dashboards.millrace")


def stable_id(*names: str) -> str:
    """A UUID (version 5) of these names in this order."""
    return str(uuid.uuid5(_OURS, "/".join(names)))
