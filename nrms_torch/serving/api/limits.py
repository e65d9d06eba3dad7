"""What a request may be, and how many may wait: checked before any of it is read or parsed."""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Self

from fastapi import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from nrms_torch.serving.api.problems import ProblemError, respond, unavailable

JSON = "application/json"
FORM = "multipart/form-data"

# Far above what a slow network takes for a body; one that never ends would hold memory for ever.
_BODY_TIMEOUT_S = 60.0
# A connection's own buffer holds as much of a body anyway. Small requests need no more, and so pass
# while slow senders have all the memory that there is for bodies.
_UNCOUNTED = 2**16


@dataclass
class Places:
    """How many requests may be there at a time, and how many are.

    `held` are the bytes of JSON bodies in memory, those included that are still arriving.
    """

    most: int
    taken: int = 0
    held: int = 0


@dataclass(frozen=True)
class BodyLimit:
    """The one media type that a route reads, how many bytes of it, and for how many at a time.

    Routes may have their `places` in common.
    """

    media_type: str
    bytes: int
    places: Places


class Limits:
    """ASGI middleware: 413, 415, 408 for a body that does not arrive, and 503 for one too many.

    Only the routes in `bodies`, by path, are watched: health must be told under load too. A body of
    JSON is complete before its request takes a place, so that slow senders take nobody's; together
    such bodies hold no more than those in all places may. Other bodies go to the disk as they come.
    """

    def __init__(self, app: ASGIApp, *, bodies: Mapping[str, BodyLimit]) -> None:
        self._app = app
        self._bodies = bodies

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a connection, as ASGI asks."""
        limit = self._bodies.get(scope["path"]) if scope["type"] == "http" else None
        if limit is None:
            await self._app(scope, receive, send)
            return
        with _Memory(limit) as memory:
            await self._limited(limit, memory, scope, receive, send)

    async def _limited(
        self, limit: BodyLimit, memory: "_Memory", scope: Scope, receive: Receive, send: Send
    ) -> None:
        places = limit.places
        try:
            if scope["method"] == "POST":
                _check_headers(scope["headers"], limit)
                receive = _counted(receive, limit)
                if limit.media_type == JSON:
                    receive = _replay(await _whole(receive, memory))
            if places.taken >= places.most:
                raise unavailable(f"{places.most} requests are being answered already.")
        except ProblemError as error:
            await _refuse(error)(scope, receive, send)
            return
        places.taken += 1
        try:
            # A short answer is computed without a pause. All that have arrived by now are to be
            # counted before that, or none would ever be seen to wait.
            await asyncio.sleep(0)
            await self._app(scope, receive, send)
        finally:
            places.taken -= 1


class _Memory:
    """What the body of one request holds of the memory that all of its limit share."""

    def __init__(self, limit: BodyLimit) -> None:
        self._places = limit.places
        self._most = limit.places.most * limit.bytes
        self._held = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._places.held -= self._held

    def hold(self, size: int) -> None:
        """Hold a body of `size` bytes so far; a 503 where there is no memory for it."""
        more = max(0, size - _UNCOUNTED) - self._held
        if self._places.held + more > self._most:
            raise unavailable("Too much is arriving already.")
        self._places.held += more
        self._held += more


def _refuse(error: ProblemError) -> Response:
    response = respond(error)
    # What has not been read of the body is not waited for. It is after a 503: a client that is cut
    # off while it sends may not see the answer, which is to try again.
    if error.status_code != 503:
        response.headers["Connection"] = "close"
    return response


def _check_headers(headers: Iterable[tuple[bytes, bytes]], limit: BodyLimit) -> None:
    found = {name: value for name, value in headers if name in (b"content-type", b"content-length")}
    media_type = found.get(b"content-type", b"").split(b";")[0].strip().lower().decode("latin-1")
    if media_type != limit.media_type:
        raise ProblemError(
            415, f"Content-Type: found {media_type or 'none'}; expected {limit.media_type}"
        )
    length = found.get(b"content-length", b"0")
    if length.isdigit() and int(length) > limit.bytes:
        raise _too_large(limit)


def _counted(receive: Receive, limit: BodyLimit) -> Receive:
    """Wrap `receive` to raise once a body is too large or too late."""
    got = 0
    deadline = asyncio.get_running_loop().time() + _BODY_TIMEOUT_S

    async def counted() -> Message:
        nonlocal got
        try:
            async with asyncio.timeout_at(deadline):
                message = await receive()
        except TimeoutError as error:
            raise ProblemError(408, "The body did not arrive in time.") from error
        got += len(message.get("body", b""))
        if got > limit.bytes:
            raise _too_large(limit)
        return message

    return counted


async def _whole(receive: Receive, memory: _Memory) -> Message:
    """Receive a whole body as one message, or the message of a client that has left."""
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return message
        body += message.get("body", b"")
        memory.hold(len(body))
        if not message.get("more_body", False):
            return {"type": "http.request", "body": bytes(body), "more_body": False}


def _replay(message: Message) -> Receive:
    async def replay() -> Message:
        return message

    return replay


def _too_large(limit: BodyLimit) -> ProblemError:
    return ProblemError(413, f"The body is larger than {limit.bytes:,} bytes.")
