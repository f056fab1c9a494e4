"""A panel as a Lens visualisation by value, in the form of Kibana 8.19's own exports."""

from typing import Any

from elk.dashboards.identity import stable_id
from elk.dashboards.kql import kql
from elk.dashboards.lens_columns import breakdown_id, lens_columns, metric_id
from elk.dashboards.panels import Chart, Panel

_SERIES: dict[Chart, str] = {
    "line": "line",
    "bar": "bar",
    "stacked": "bar_stacked",
    "shares": "bar_percentage_stacked",
    "area": "area_stacked",
}
_TYPES: dict[Chart, str] = {
    "metric": "lnsMetric",
    "table": "lnsDatatable",
    "heatmap": "lnsHeatmap",
}
COLOUR_BLIND = "eui_amsterdam_color_blind"
"""Ten colours that people with any kind of colour blindness tell apart."""
_SCALE = ("#00224e", "#434e6c", "#7d7c78", "#bbad6c", "#fee838")
"""From little to much, for the same people: Cividis (Nuñez et al., 2018) at every quarter."""


def lens_attributes(panel: Panel, data_view: str, *names: str) -> dict[str, Any]:
    """What a dashboard holds of the panel, under `embeddableConfig.attributes`.

    Args:
        data_view: id of the data view of the panel's documents.
        names: what identifies the panel: index prefix, dashboard, panel.
    """
    layer = stable_id(*names, "layer")
    columns = lens_columns(panel, *names)
    body = {"columns": columns, "columnOrder": list(columns), "incompleteColumns": {}}
    return {
        "title": panel.title,
        "description": panel.question,
        "type": "lens",
        "visualizationType": _TYPES.get(panel.chart, "lnsXY"),
        "references": [
            {
                "type": "index-pattern",
                "id": data_view,
                "name": f"indexpattern-datasource-layer-{layer}",
            }
        ],
        "state": {
            "datasourceStates": {
                "formBased": {"layers": {layer: {**body, "sampling": 1}}},
                "indexpattern": {"layers": {}},
                "textBased": {"layers": {}},
            },
            "visualization": _visualization(panel, layer, *names),
            "query": {"query": kql(panel.filters), "language": "kuery"},
            "filters": [],
            "internalReferences": [],
            "adHocDataViews": {},
        },
    }


def _visualization(panel: Panel, layer: str, *names: str) -> dict[str, Any]:
    metrics = [metric_id(place, *names) for place in range(len(panel.metrics))]
    by = [breakdown_id(place, *names) for place in range(len(panel.by))]
    base: dict[str, Any] = {"layerId": layer, "layerType": "data"}
    if panel.chart == "metric":
        tiles = {"breakdownByAccessor": by[0], "maxCols": 3} if by else {}
        return {**base, "metricAccessor": metrics[0], **tiles}
    if panel.chart == "table":
        shown = [{"columnId": column, "isTransposed": False} for column in (*by, *metrics)]
        return {**base, "columns": shown}
    if panel.chart == "heatmap":
        return base | {
            "shape": "heatmap",
            "xAccessor": by[0],
            "yAccessor": by[1],
            "valueAccessor": metrics[0],
            "palette": {**_palette(panel), "accessor": metrics[0]},
            "legend": {"type": "heatmap_legend", "isVisible": True, "position": "right"},
            "gridConfig": {
                "type": "heatmap_grid",
                "isCellLabelVisible": False,
                "isXAxisLabelVisible": True,
                "isYAxisLabelVisible": True,
                "isXAxisTitleVisible": True,
                "isYAxisTitleVisible": True,
            },
        }
    return _xy(panel, layer, metrics, by)


def _palette(panel: Panel) -> dict[str, Any]:
    """Colours of a heatmap, between the smallest and the greatest value or up to the ceiling; what
    Kibana calls a colour's `stop` is where it ends, its `colorStop` where it begins."""
    numbers = panel.ceiling is not None
    top = panel.ceiling if panel.ceiling is not None else 80.0
    begins = [top * place / (len(_SCALE) - 1) for place in range(len(_SCALE))]
    ends = [*begins[1:], top + begins[1]]
    params = {
        "name": "custom",
        "reverse": False,
        "rangeType": "number" if numbers else "percent",
        "rangeMin": 0,
        "rangeMax": None,
        "continuity": "above",
        "progression": "fixed",
        "steps": len(_SCALE),
        "colorStops": [{"color": c, "stop": b} for c, b in zip(_SCALE, begins, strict=True)],
        "stops": [{"color": c, "stop": e} for c, e in zip(_SCALE, ends, strict=True)],
    }
    return {"type": "palette", "name": "custom", "params": params}


def _xy(panel: Panel, layer: str, metrics: list[str], by: list[str]) -> dict[str, Any]:
    series = _SERIES[panel.chart]
    split = {"splitAccessor": by[1]} if len(by) > 1 else {}
    return {
        "layers": [
            {
                "layerId": layer,
                "layerType": "data",
                "seriesType": series,
                "xAccessor": by[0],
                "accessors": metrics,
                **split,
                "position": "top",
                "showGridlines": False,
                "colorMapping": {
                    "assignments": [],
                    "specialAssignments": [
                        {"rule": {"type": "other"}, "color": {"type": "loop"}, "touched": False}
                    ],
                    "paletteId": COLOUR_BLIND,
                    "colorMode": {"type": "categorical"},
                },
            }
        ],
        "preferredSeriesType": series,
        "legend": {"isVisible": True, "position": "bottom"},
        "valueLabels": "hide",
        "fittingFunction": "None",
    }
