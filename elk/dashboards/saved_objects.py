"""Dashboards as Kibana's saved objects: data views, saved searches and dashboards, as NDJSON."""

from collections.abc import Sequence
from typing import Any

from contracts.settings import Settings
from elk.dashboards.data_views import data_view_id, data_views
from elk.dashboards.identity import stable_id
from elk.dashboards.intervals import Span
from elk.dashboards.kql import kql
from elk.dashboards.lens import lens_attributes
from elk.dashboards.panels import COLUMNS, Dashboard, Panel, Placed, time_field
from elk.dashboards.texts import text

LINKS_HEIGHT = 4
_DRILLDOWN = "DASHBOARD_TO_DASHBOARD_DRILLDOWN"

SavedObject = dict[str, Any]
Reference = dict[str, str]


def saved_objects(
    settings: Settings, dashboards: Sequence[Dashboard], opens_at: Span | None = None
) -> list[SavedObject]:
    """All of them; what others refer to comes first.

    Args:
        opens_at: the event time that dashboards show at first, instead of what each has of its own;
            a replay of the past has nothing in the last hours.
    """
    searches = [
        _search(settings, dashboard, panel)
        for dashboard in dashboards
        for panel in dashboard.panels
        if panel.chart == "documents"
    ]
    boards = [_dashboard(settings, one, dashboards, opens_at) for one in dashboards]
    return [*data_views(settings), *searches, *boards]


def as_ndjson(objects: Sequence[SavedObject]) -> bytes:
    """One object per line, as Kibana's import takes them; the same objects give the same bytes."""
    return b"".join(text(one).encode() + b"\n" for one in objects)


def dashboard_id(settings: Settings, name: str) -> str:
    """The id in Kibana of one of our dashboards."""
    return stable_id(settings.index_prefix, "dashboard", name)


def _title(settings: Settings, *names: str) -> str:
    return f"[{settings.index_prefix.capitalize()}] {' · '.join(names)}"


def _search_id(settings: Settings, dashboard: Dashboard, panel: Panel) -> str:
    return stable_id(settings.index_prefix, "search", dashboard.id, panel.id)


def _search(settings: Settings, dashboard: Dashboard, panel: Panel) -> SavedObject:
    """The documents of a panel: a saved search, which Discover opens too."""
    index = "kibanaSavedObjectMeta.searchSourceJSON.index"
    source = {
        "query": {"query": kql(panel.filters), "language": "kuery"},
        "filter": [],
        "indexRefName": index,
    }
    return {
        "type": "search",
        "id": _search_id(settings, dashboard, panel),
        "attributes": {
            "title": _title(settings, dashboard.title, panel.title),
            "description": panel.question,
            "columns": list(panel.columns),
            "sort": [[time_field(panel.kind), "desc"]],
            "grid": {},
            "hideChart": True,
            "isTextBasedQuery": False,
            "timeRestore": False,
            "kibanaSavedObjectMeta": {"searchSourceJSON": text(source)},
        },
        "references": [
            {"type": "index-pattern", "id": data_view_id(settings, panel.kind), "name": index}
        ],
        "managed": False,
        "coreMigrationVersion": "8.8.0",
        "typeMigrationVersion": "10.5.0",
    }


def _dashboard(
    settings: Settings,
    dashboard: Dashboard,
    others: Sequence[Dashboard],
    opens_at: Span | None,
) -> SavedObject:
    since, until = dashboard.since, "now"
    if opens_at is not None and not dashboard.by_the_clock:
        since, until = opens_at.start.isoformat(), opens_at.end.isoformat()
    links, references = _links(settings, dashboard, others)
    panels = [links]
    for placed in dashboard.placed(LINKS_HEIGHT):
        panel, referred = _panel(settings, dashboard, placed, others)
        panels.append(panel)
        references += referred
    controls, referred = _controls(settings, dashboard)
    references += referred
    return {
        "type": "dashboard",
        "id": dashboard_id(settings, dashboard.id),
        "attributes": {
            "title": _title(settings, dashboard.title),
            "description": dashboard.description,
            "version": 2,
            "timeRestore": True,
            "timeFrom": since,
            "timeTo": until,
            "refreshInterval": {"pause": True, "value": 60_000},
            "optionsJSON": text(
                {
                    "useMargins": True,
                    "syncColors": True,
                    "syncCursor": True,
                    "syncTooltips": False,
                    "hidePanelTitles": False,
                }
            ),
            "panelsJSON": text(panels),
            "controlGroupInput": controls,
            "kibanaSavedObjectMeta": {
                "searchSourceJSON": text(
                    {"query": {"query": "", "language": "kuery"}, "filter": []}
                )
            },
        },
        "references": references,
        "managed": False,
        "coreMigrationVersion": "8.8.0",
        "typeMigrationVersion": "10.2.0",
    }


def _panel(
    settings: Settings, dashboard: Dashboard, placed: Placed, others: Sequence[Dashboard]
) -> tuple[dict[str, Any], list[Reference]]:
    panel = placed.panel
    names = (settings.index_prefix, dashboard.id, panel.id)
    place = stable_id(*names, "panel")
    shown: dict[str, Any] = {
        "title": panel.title,
        "panelIndex": place,
        "gridData": {
            "x": placed.x,
            "y": placed.y,
            "w": placed.width,
            "h": placed.height,
            "i": place,
        },
    }
    if panel.chart == "documents":
        found = _search_id(settings, dashboard, panel)
        shown |= {
            "type": "search",
            "panelRefName": f"panel_{place}",
            "embeddableConfig": {"enhancements": {}, "description": panel.question},
        }
        return shown, [{"type": "search", "id": found, "name": f"{place}:panel_{place}"}]
    attributes = lens_attributes(panel, data_view_id(settings, panel.kind), *names)
    enhancements, references = _drilldown(settings, dashboard, panel, others, *names)
    shown |= {
        "type": "lens",
        "embeddableConfig": {
            "enhancements": enhancements,
            "description": panel.question,
            "attributes": attributes,
        },
    }
    references += attributes["references"]
    return shown, [{**one, "name": f"{place}:{one['name']}"} for one in references]


def _drilldown(
    settings: Settings,
    dashboard: Dashboard,
    panel: Panel,
    others: Sequence[Dashboard],
    *names: str,
) -> tuple[dict[str, Any], list[Reference]]:
    """What a click on a value offers: another dashboard, narrowed to that value."""
    if panel.opens is None:
        return {}, []
    (opened,) = (other for other in others if other.id == panel.opens)
    event = stable_id(*names, "opens")
    action = {
        "factoryId": _DRILLDOWN,
        "name": f"Open {opened.title}",
        "config": {
            "useCurrentFilters": opened.narrows_like(dashboard),
            "useCurrentDateRange": True,
            "openInNewTab": False,
        },
    }
    events = [{"eventId": event, "triggers": ["FILTER_TRIGGER"], "action": action}]
    reference = {
        "type": "dashboard",
        "id": dashboard_id(settings, opened.id),
        "name": f"drilldown:{_DRILLDOWN}:{event}:dashboardId",
    }
    return {"dynamicActions": {"events": events}}, [reference]


def _links(
    settings: Settings, dashboard: Dashboard, others: Sequence[Dashboard]
) -> tuple[dict[str, Any], list[Reference]]:
    """The row of links to the other dashboards."""
    place = stable_id(settings.index_prefix, dashboard.id, "links")
    links, references = [], []
    for order, other in enumerate(one for one in others if one.id != dashboard.id):
        link = stable_id(settings.index_prefix, dashboard.id, "link", other.id)
        name = f"link_{link}_dashboard"
        links.append(
            {
                "type": "dashboardLink",
                "id": link,
                "label": other.title,
                "order": order,
                "destinationRefName": name,
                "options": {
                    "openInNewTab": False,
                    # Each dashboard has the time that suits it, and is empty where its documents
                    # do not have what it is narrowed by.
                    "useCurrentDateRange": False,
                    "useCurrentFilters": other.narrows_like(dashboard),
                },
            }
        )
        target = dashboard_id(settings, other.id)
        references.append({"type": "dashboard", "id": target, "name": f"{place}:{name}"})
    panel = {
        "type": "links",
        "title": "Dashboards",
        "panelIndex": place,
        "gridData": {"x": 0, "y": 0, "w": COLUMNS, "h": LINKS_HEIGHT, "i": place},
        "embeddableConfig": {
            "enhancements": {},
            "attributes": {"layout": "horizontal", "links": links},
        },
    }
    return panel, references


def _controls(settings: Settings, dashboard: Dashboard) -> tuple[dict[str, Any], list[Reference]]:
    """The fields that readers narrow the dashboard by; each offers what the documents of the
    first panel hold."""
    controls, references = {}, []
    data_view = data_view_id(settings, dashboard.panels[0].kind)
    for order, control in enumerate(dashboard.controls):
        place = stable_id(settings.index_prefix, dashboard.id, "control", control.field)
        controls[place] = {
            "type": "optionsListControl",
            "order": order,
            "width": "medium",
            "grow": True,
            "explicitInput": {
                "id": place,
                "fieldName": control.field,
                "title": control.label,
                "selectedOptions": [],
                "enhancements": {},
            },
        }
        name = f"controlGroup_{place}:optionsListDataView"
        references.append({"type": "index-pattern", "id": data_view, "name": name})
    ignored = {
        "ignoreFilters": False,
        "ignoreQuery": False,
        "ignoreTimerange": False,
        "ignoreValidations": False,
    }
    group = {
        "controlStyle": "oneLine",
        "chainingSystem": "HIERARCHICAL",
        "showApplySelections": False,
        "ignoreParentSettingsJSON": text(ignored),
        "panelsJSON": text(controls),
    }
    return group, references
