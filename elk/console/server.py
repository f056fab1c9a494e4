"""The web application: pages, our own files, Plotly, and one answer per panel."""

from collections.abc import Callable
from functools import cache
from importlib.metadata import version
from importlib.resources import files
from typing import Any

import msgspec
import structlog
from jinja2 import Environment, PackageLoader
from plotly.offline import get_plotlyjs, get_plotlyjs_version
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from contracts.errors import AccessError, MillraceError, UnreachableError, UsageError
from elk.console.choices import ABSOLUTE, ALL, PRESETS, Choices, read_choices
from elk.console.guard import Guard
from elk.console.log import Log
from elk.console.marks import marks
from elk.console.offered import is_typed, offered
from elk.console.panel_views import NOTHING, views
from elk.console.sections import sections
from elk.console.views import Answer
from elk.console.words import moment
from elk.dashboards import Panel, dashboards, query

log = structlog.stdlib.get_logger("console")

_RANGES = {**{name: label for name, (label, _) in PRESETS.items()}, ALL: "All time"}
_REFRESHES = {"0": "Off", "5": "Every 5 s", "10": "Every 10 s", "30": "Every 30 s", "60": "Minute"}
_IMMUTABLE = {"Cache-Control": "public, max-age=31536000, immutable"}


def application(source: Log, names: frozenset[str]) -> ASGIApp:
    """The console.

    Args:
        names: by which browsers may call it.
    """
    pages = Environment(
        loader=PackageLoader("elk.console"), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    boards = {board.id: board for board in dashboards()}

    def show(request: Request) -> Response:
        board = boards.get(request.path_params["dashboard"])
        if board is None:
            return HTMLResponse(pages.get_template("missing.html.jinja").render(), 404)
        shown = pages.get_template("dashboard.html.jinja").render(
            board=board,
            boards=boards.values(),
            above=[one for one in sections(board.id) if one.first],
            below=[one for one in sections(board.id) if not one.first],
            is_typed=is_typed,
            ranges={**_RANGES, ABSOLUTE: "From … to …"},
            refreshes=_REFRESHES,
            plotly=get_plotlyjs_version(),
            version=version("millrace"),
        )
        return HTMLResponse(shown)

    def answer(request: Request) -> Response:
        def told() -> Answer:
            board = _known(boards.get(request.path_params["dashboard"]))
            name = request.path_params["panel"]
            choices = read_choices(request.query_params.multi_items(), board)
            for section in sections(board.id):
                if section.id == name:
                    return section.ask(source, choices)
            panel = _known(next((one for one in board.panels if one.id == name), None))
            return _panel(source, panel, choices)

        return _json(told)

    def offer(request: Request) -> Response:
        def told() -> Any:
            board = _known(boards.get(request.path_params["dashboard"]))
            choices = read_choices(request.query_params.multi_items(), board)
            return offered(source, board, choices)

        return _json(told)

    def mark(request: Request) -> Response:
        def told() -> Any:
            board = _known(boards.get(request.path_params["dashboard"]))
            return marks(source, board, read_choices(request.query_params.multi_items(), board))

        return _json(told)

    routes = [
        Route("/", lambda _: RedirectResponse(f"/{dashboards()[0].id}")),
        Route("/api/panels/{dashboard}/{panel}", answer),
        Route("/api/offered/{dashboard}", offer),
        Route("/api/marks/{dashboard}", mark),
        Route(f"/plotly-{get_plotlyjs_version()}.js", _plotly),
        Mount("/static", StaticFiles(directory=str(files("elk.console") / "static"))),
        Route("/{dashboard}", show),
    ]
    return Guard(Starlette(routes=routes), names)


def _panel(source: Log, panel: Panel, choices: Choices) -> Answer:
    span = choices.span or source.all_time(panel.kind, choices.filters)
    found = views(panel, source.search((panel.kind,), query(panel, span, choices.filters)), span)
    return Answer(
        views=found,
        start=moment(span.start),
        end=moment(span.end),
        nothing="" if found else NOTHING,
    )


def _known(found: Any) -> Any:
    if found is None:
        raise UsageError("there is no such panel: reload the page")
    return found


def _json(ask: Callable[[], Any]) -> Response:
    """What was asked for, or a sentence that says why there is none."""
    try:
        return _encoded(ask(), 200)
    except UsageError as error:
        return _encoded({"error": str(error)}, 400)
    except (UnreachableError, AccessError) as error:
        return _encoded({"error": str(error), "away": True}, 503)
    except MillraceError as error:
        return _encoded({"error": str(error)}, 502)
    except Exception as error:  # one panel's defect leaves the others alone
        log.exception("a panel failed")
        return _encoded({"error": f"it cannot be shown: {type(error).__name__}"}, 500)


def _encoded(value: Any, status: int) -> Response:
    return Response(msgspec.json.encode(value), status, media_type="application/json")


def _plotly(_: Request) -> Response:
    return Response(_plotly_bytes(), media_type="text/javascript", headers=_IMMUTABLE)


@cache
def _plotly_bytes() -> bytes:
    script: str = get_plotlyjs()
    return script.encode()
