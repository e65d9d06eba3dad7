"""Routes that read JSON: a large body is parsed in a thread, and one at a time.

A parser holds the interpreter until it is done. Between two of them all others have their turn.
"""

import json
from collections.abc import Callable, Coroutine
from typing import Any

from anyio import CapacityLimiter, to_thread
from fastapi import Request, Response
from fastapi.routing import APIRoute

# Below this, parsing takes less time than a thread takes to be handed it.
_AT_ONCE = 2**16
_one_at_a_time = CapacityLimiter(1)


class _JsonRequest(Request):
    async def json(self) -> Any:
        """Parse the body; raises ValueError or RecursionError where it is no JSON."""
        body = await self.body()
        if len(body) <= _AT_ONCE:
            return json.loads(body)
        return await to_thread.run_sync(json.loads, body, limiter=_one_at_a_time)


class JsonRoute(APIRoute):
    """A route whose body is JSON, or that has none."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Give what handles a request."""
        handle = super().get_route_handler()

        async def handled(request: Request) -> Response:
            return await handle(_JsonRequest(request.scope, request.receive))

        return handled
