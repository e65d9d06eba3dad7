"""Routes that read JSON: a large body is parsed in a thread, and one at a time.

A parser holds the interpreter until it is done. Between two of them all others have their turn.
"""

import asyncio
import json
import time
from collections.abc import Callable, Coroutine
from typing import Any

from anyio import CapacityLimiter, to_thread
from fastapi import Request, Response
from fastapi.routing import APIRoute

from nrms_torch.serving.api.problems import ProblemError

# Below this, parsing takes less time than a thread takes to be handed it.
_AT_ONCE = 2**16
# Fields and lists take far longer to make than numbers and texts. A thousand articles have 8,000.
_MOST_PARTS = 100_000
_one_at_a_time = CapacityLimiter(1)


class _JsonRequest(Request):
    async def json(self) -> Any:
        """Parse the body; raises ValueError or RecursionError where it is no JSON."""
        body = await self.body()
        if len(body) <= _AT_ONCE:
            return json.loads(body)
        if sum(map(body.count, (b":", b"[", b"{"))) > _MOST_PARTS:
            raise ProblemError(413, f"The body has more than {_MOST_PARTS:,} fields and lists.")
        async with _one_at_a_time:
            start = time.perf_counter()
            try:
                return await to_thread.run_sync(json.loads, body)
            finally:
                # As long again for the others: each of their steps waited for this one.
                await asyncio.sleep(time.perf_counter() - start)


class JsonRoute(APIRoute):
    """A route whose body is JSON, or that has none."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Give what handles a request."""
        handle = super().get_route_handler()

        async def handled(request: Request) -> Response:
            return await handle(_JsonRequest(request.scope, request.receive))

        return handled
