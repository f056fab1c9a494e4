"""Data views: which indices analysts choose from, as Kibana's saved objects (NDJSON)."""

import msgspec
from msgspec import Struct

from contracts.settings import Settings
from prediction_log.indices import KINDS


class _Attributes(Struct, frozen=True, rename="camel", kw_only=True):
    title: str
    name: str
    time_field_name: str = "@timestamp"
    allow_hidden: bool = False
    fields: str = "[]"
    field_attrs: str = "{}"
    field_format_map: str = "{}"
    runtime_field_map: str = "{}"
    source_filters: str = "[]"


class DataView(Struct, frozen=True, rename="camel", kw_only=True):
    """A saved object of the type `index-pattern`.

    The versions are those of Kibana 8.19's own exports: without them every migration is run, and
    newer ones than the server's are refused.
    """

    id: str
    attributes: _Attributes
    type: str = "index-pattern"
    references: tuple[()] = ()
    managed: bool = False
    core_migration_version: str = "8.8.0"
    type_migration_version: str = "8.0.0"


def data_views(settings: Settings) -> tuple[DataView, ...]:
    """One for each kind of document. Ids follow from the index prefix, so that dashboards can
    refer to them and an import replaces its predecessor."""
    return tuple(
        DataView(
            id=f"{settings.index_prefix}-{kind}",
            attributes=_Attributes(
                title=f"{settings.index_prefix}-{kind}-*",
                name=f"{settings.index_prefix.capitalize()}: {kind.replace('-', ' ')}",
            ),
        )
        for kind in KINDS
    )


def as_ndjson(views: tuple[DataView, ...]) -> bytes:
    """One object per line, as Kibana's import takes them."""
    return b"".join(msgspec.json.encode(view) + b"\n" for view in views)
