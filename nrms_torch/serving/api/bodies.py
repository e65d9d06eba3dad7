"""The bodies of requests: received whole, in time, and held where they cost least.

A body is complete before its request takes a place, so that slow senders take nobody's.
"""

import asyncio
from tempfile import SpooledTemporaryFile
from typing import Self

from starlette.types import Message, Receive

from nrms_torch.serving.api.ending import Ending
from nrms_torch.serving.api.problems import ProblemError, unavailable

# A connection's own buffer holds as much of a body anyway. Small requests need no more, and so pass
# while slow senders have all the room that there is for bodies.
_UNCOUNTED = 2**16
_PIECE = 2**20
# Far above what a slow network takes for a body; one that never ends would hold room for ever.
_BODY_S = 60.0
# One that does not move, or creeps, is no slow network's: it is given up sooner.
_STILL_S, _LEAST_BYTES_A_S = 10.0, 2**14
# How often it is looked whether the server ends.
_LOOK_S = 0.5


class Room:
    """What the bodies of some routes may hold together, those included that still arrive."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.held = 0


class Body:
    """The body of one request: in memory, or on the disk above 64 KiB."""

    def __init__(self, room: Room, *, most: int, on_disk: bool) -> None:
        """Take at most `most` bytes, and what is above 64 KiB of the `room`."""
        self._room = room
        self._most = most
        self._held = 0
        self._size = 0
        self._file = SpooledTemporaryFile(max_size=_UNCOUNTED if on_disk else 0)  # noqa: SIM115

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._room.held -= self._held
        self._file.close()

    async def receive(self, receive: Receive, ending: Ending) -> Receive:
        """Receive all of it, and give what replays it; a 413, 408 or 503 where that is not to be.

        Of a client that has left, its message is replayed.
        """
        start = moved = asyncio.get_running_loop().time()
        while True:
            try:
                async with asyncio.timeout(_LOOK_S):
                    message = await receive()
            except TimeoutError:
                _require_progress(start, moved, self._size, ending)
                continue
            if message["type"] != "http.request":
                return _repeating(message)
            chunk, more = message.get("body", b""), message.get("more_body", False)
            self._hold(len(chunk))
            if not more and self._size == len(chunk):  # all at once, as small ones come
                return _repeating(message)
            self._file.write(chunk)
            if not more:
                self._file.seek(0)
                return self._next_piece
            moved = asyncio.get_running_loop().time() if chunk else moved
            _require_progress(start, moved, self._size, ending)

    def _hold(self, size: int) -> None:
        self._size += size
        if self._size > self._most:
            raise too_large(self._most)
        more = max(0, self._size - _UNCOUNTED) - self._held
        if self._room.held + more > self._room.size:
            raise unavailable("Too much is arriving already.")
        self._room.held += more
        self._held += more

    async def _next_piece(self) -> Message:
        piece = self._file.read(_PIECE)
        more = self._file.tell() < self._size
        return {"type": "http.request", "body": piece, "more_body": more}


def too_large(most: int) -> ProblemError:
    """Make the error of a body of more than `most` bytes."""
    return ProblemError(413, f"The body is larger than {most:,} bytes.")


def _require_progress(start: float, moved: float, size: int, ending: Ending) -> None:
    now = asyncio.get_running_loop().time()
    spent = now - start
    creeps = spent > _STILL_S and size < (spent - _STILL_S) * _LEAST_BYTES_A_S
    if spent > _BODY_S or now - moved > _STILL_S or creeps:
        raise ProblemError(408, "The body did not arrive in time.")
    ending.require_time_to_arrive()


def _repeating(message: Message) -> Receive:
    async def repeating() -> Message:
        return message

    return repeating
