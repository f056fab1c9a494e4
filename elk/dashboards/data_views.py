"""Data views: which indices analysts and panels choose from, as Kibana's saved objects."""

from typing import Any, get_args

from contracts.settings import Settings
from elk.dashboards.panels import time_field
from elk.dashboards.texts import text
from elk.dashboards.values import NAMES
from prediction_log.indices import DerivedKind, IndexedKind, IndexNames, Kind

_FORMATS = text(
    {
        field: {
            "id": "static_lookup",
            "params": {"lookupEntries": [{"key": k, "value": v} for k, v in names.items()]},
        }
        for field, names in NAMES.items()
    }
)
_ALL: tuple[Kind, ...] = (*get_args(IndexedKind), *get_args(DerivedKind))


def data_view_id(settings: Settings, kind: Kind) -> str:
    """Its id in Kibana: `<index prefix>-<kind>`."""
    return f"{settings.index_prefix}-{kind}"


def data_views(settings: Settings) -> list[dict[str, Any]]:
    """One saved object for each kind of document.

    The versions are those of Kibana 8.19's own exports: without them every migration is run, and
    newer ones than the server's are refused.
    """
    names = IndexNames(settings)
    return [
        {
            "type": "index-pattern",
            "id": data_view_id(settings, kind),
            "attributes": {
                "title": names.pattern(kind),
                "name": f"{settings.index_prefix.capitalize()}: {kind.replace('-', ' ')}",
                "timeFieldName": time_field(kind),
                "allowHidden": False,
                "fields": "[]",
                "fieldAttrs": "{}",
                "fieldFormatMap": _FORMATS,
                "runtimeFieldMap": "{}",
                "sourceFilters": "[]",
            },
            "references": [],
            "managed": False,
            "coreMigrationVersion": "8.8.0",
            "typeMigrationVersion": "8.0.0",
        }
        for kind in _ALL
    ]
