"""The path of a request as the routes know it, whatever path a proxy has the server under."""

from starlette.types import ASGIApp, Receive, Scope, Send


class Under:
    """ASGI middleware: the server is under the path `root`, which the proxy may cut off or not."""

    def __init__(self, app: ASGIApp, *, root: str) -> None:
        self._app = app
        self._root = root

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a connection, as ASGI asks."""
        if scope["type"] == "http":
            path = scope["path"]
            path = path if path.startswith(f"{self._root}/") else self._root + path
            scope = {**scope, "root_path": self._root, "path": path}
        await self._app(scope, receive, send)


def route_of(scope: Scope) -> str:
    """Give a request's path without the proxy's prefix, and without a slash at its end."""
    path: str = scope["path"]
    root: str = scope.get("root_path", "").rstrip("/")
    if root and path.startswith(f"{root}/"):
        path = path[len(root) :]
    return path.rstrip("/") or "/"
