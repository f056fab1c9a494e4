"""JSON as Kibana keeps it in strings of saved objects."""

import json
from typing import Any


def text(value: Any) -> str:
    """JSON with sorted keys: the same value gives the same text."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
