"""Answers compressed for clients that ask for it, where that saves more than it costs."""

from starlette.middleware.gzip import GZipMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from nrms_torch.serving.api.paths import route_of

# A short answer is sent sooner than it is compressed.
_LEAST_BYTES, _LEVEL = 2**14, 1


class Compressed:
    """ASGI middleware: gzip, but not for the one route whose answers are too large for the loop."""

    def __init__(self, app: ASGIApp, *, unless: str) -> None:
        self._plain = app
        self._compressing = GZipMiddleware(app, minimum_size=_LEAST_BYTES, compresslevel=_LEVEL)
        self._unless = unless

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a connection, as ASGI asks."""
        plain = scope["type"] != "http" or route_of(scope) == self._unless
        await (self._plain if plain else self._compressing)(scope, receive, send)
