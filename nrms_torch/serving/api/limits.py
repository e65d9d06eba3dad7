"""What a request may be, and how many may wait: checked before any of it is read or parsed."""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from fastapi import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from nrms_torch.serving.api.bodies import Body, Room, too_large
from nrms_torch.serving.api.ending import Ending
from nrms_torch.serving.api.keys import HEADER, ApiKey
from nrms_torch.serving.api.paths import route_of
from nrms_torch.serving.api.problems import ProblemError, of_full_disk, respond, unavailable

JSON = "application/json"
FORM = "multipart/form-data"


@dataclass
class Places:
    """How many requests may be answered at a time, how many are, and the room for their bodies."""

    most: int
    room: Room
    taken: int = 0


@dataclass(frozen=True)
class BodyLimit:
    """The one media type that a route reads, how many bytes of it, and for how many at a time.

    Routes may have their `places` in common. Where there is a `key`, no body is read without it.
    """

    media_type: str
    bytes: int
    places: Places
    key: ApiKey | None = None


class Limits:
    """ASGI middleware: 413, 415, 408 for a body that does not arrive, and 503 for one too many.

    Only the routes in `bodies`, by path, are watched: health must be told under load too. A body of
    JSON is held in memory, any other on the disk.
    """

    def __init__(self, app: ASGIApp, *, bodies: Mapping[str, BodyLimit], ending: Ending) -> None:
        self._app = app
        self._bodies = bodies
        self._ending = ending

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a connection, as ASGI asks."""
        limit = self._bodies.get(route_of(scope)) if scope["type"] == "http" else None
        if limit is None:
            await self._app(scope, receive, send)
            return
        with Body(limit.places.room, most=limit.bytes, on_disk=limit.media_type != JSON) as body:
            await self._limited(limit, body, scope, receive, send)

    async def _limited(
        self, limit: BodyLimit, body: Body, scope: Scope, receive: Receive, send: Send
    ) -> None:
        places = limit.places
        try:
            if scope["method"] == "POST":
                await _check_headers(scope["headers"], limit)
                receive = await body.receive(receive, self._ending)
            if places.taken >= places.most:
                raise unavailable(f"{places.most} requests are being answered already.")
        except (ProblemError, OSError) as error:
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


def _refuse(error: ProblemError | OSError) -> Response:
    if isinstance(error, OSError):
        error = of_full_disk(error)
    response = respond(error)
    # What has not been read of the body is not waited for. It is after a 503: a client that is cut
    # off while it sends may not see the answer, which is to try again.
    if error.status_code != 503:
        response.headers["Connection"] = "close"
    return response


async def _check_headers(headers: Iterable[tuple[bytes, bytes]], limit: BodyLimit) -> None:
    found = {name: value.decode("latin-1") for name, value in headers}
    media_type = found.get(b"content-type", "").split(";")[0].strip().lower()
    if media_type != limit.media_type:
        raise ProblemError(
            415, f"Content-Type: found {media_type or 'none'}; expected {limit.media_type}"
        )
    encoding = found.get(b"content-encoding", "identity").strip().lower()
    if encoding != "identity":
        raise ProblemError(
            415,
            f"Content-Encoding: found {encoding}; expected a body that is not compressed",
            headers={"Accept-Encoding": "identity"},
        )
    length = found.get(b"content-length", "0")
    if length.isdecimal() and int(length) > limit.bytes:
        raise too_large(limit.bytes)
    if limit.key is not None:
        await limit.key.require(found.get(HEADER.lower().encode()))
