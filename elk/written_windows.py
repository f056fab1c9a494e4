"""What documents of windows are there already, and what they say of what they were made of."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Literal

from elasticsearch import Elasticsearch
from msgspec import Struct

from contracts.settings import Settings
from contracts.windows import EPOCH
from elk.window_counts import VersionWindow
from prediction_log.indices import IndexNames
from prediction_log.pages import buckets


class WrittenWindow(Struct, frozen=True):
    """How many documents a window has, and the least and the most that they say of each figure."""

    documents: int
    least: tuple[float, ...]
    most: tuple[float, ...]

    def agrees(self, *figures: float) -> bool:
        """Whether all of them say this."""
        return self.least == self.most == figures


class WrittenWindows:
    """Those of a model, of one kind; what was written a moment ago is among them.

    Args:
        figures: the fields of interest.
    """

    def __init__(
        self,
        client: Elasticsearch,
        settings: Settings,
        kind: Literal["drift", "performance"],
        model: str,
        figures: Sequence[str],
    ) -> None:
        pattern = IndexNames(settings).pattern(kind, model)
        client.indices.refresh(index=pattern)
        sources = [
            {"start": {"terms": {"field": "window.start"}}},
            {"version": {"terms": {"field": "model.version"}}},
            {"role": {"terms": {"field": "model.role"}}},
        ]
        aggregations = {
            f"{end} {field}": {end: {"field": field}} for end in ("min", "max") for field in figures
        }
        self._found: dict[tuple[datetime, str, str], WrittenWindow] = {}
        for bucket in buckets(client, pattern, {"match_all": {}}, sources, aggregations):
            key = bucket["key"]
            least, most = (
                tuple(bucket[f"{end} {field}"]["value"] or 0.0 for field in figures)
                for end in ("min", "max")
            )
            start = EPOCH + timedelta(milliseconds=key["start"])
            written = WrittenWindow(bucket["doc_count"], least, most)
            self._found[start, key["version"], key["role"]] = written

    def of(self, one: VersionWindow) -> WrittenWindow | None:
        """What is there of a window; None: nothing."""
        return self._found.get((one.window.start, one.version, one.role))
