"""What stands before every answer: only reading, only by known names, and headers that leave a
browser nothing to run but our own files."""

from starlette.datastructures import MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from elk.console.address import host_name

_PLOTLYS_STYLES = (
    # An empty element, which it fills rule by rule.
    "'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='",
    # What its maps look like; it has them with it, and the browser says if an update changes them.
    "'sha256-ji27qzEtxXZW+7dun6UwjHXJ18e6WAin1VvNtkzIE/o='",
)
_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        f"style-src 'self' {' '.join(_PLOTLYS_STYLES)}",
        # Plotly places pictures, such as those of heatmaps, by style attributes.
        "style-src-attr 'unsafe-inline'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "X-Frame-Options": "DENY",
}
_READING = ("GET", "HEAD")


class Guard:
    """Wraps an application.

    Args:
        names: by which it may be called.
    """

    def __init__(self, inner: ASGIApp, names: frozenset[str]) -> None:
        self._inner, self._names = inner, names

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or refuse with a sentence."""
        if scope["type"] != "http":
            await self._inner(scope, receive, send)
            return

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers[name] = value
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        refusal = self._refusal(scope)
        await (refusal or self._inner)(scope, receive, guarded)

    def _refusal(self, scope: Scope) -> ASGIApp | None:
        hosts = [value.decode("latin-1") for name, value in scope["headers"] if name == b"host"]
        if len(hosts) != 1 or host_name(hosts[0]) not in self._names:
            return PlainTextResponse(
                "The console is not known by this name: open it by the address that it printed, "
                "or add the name to MILLRACE_CONSOLE_HOSTS.\n",
                421,
            )
        if scope["method"] not in _READING:
            return PlainTextResponse("The console only shows: GET it.\n", 405, {"Allow": "GET"})
        return None
