"""Connections: how many there may be, and how long one may keep the server waiting.

Each takes a file descriptor, of which a process has few. Where there is no place for one that comes
the one that has kept the server waiting longest is closed, so that health is told at all times.
"""

import asyncio
import math
import sys
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

# From a connection's first moment, or from an answer's end, to the end of the next head.
_HEAD_S, _HEAD_BYTES = 15.0, 2**16
# A client takes so much of an answer in this time, or has gone.
_TAKEN_S, _TAKEN_BYTES = 15.0, 2**14
_LOOK_S = 1.0
_AT_WORK = (-1, 0.0)
_HEAD_TOO_LARGE = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\n"
    b"content-length: 0\r\nconnection: close\r\n\r\n"
)


class Connection(HttpToolsProtocol):
    """A connection that knows how long the server has been waiting for its client."""

    most: int  # connections at a time

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self._since = self._taken_at = self.loop.time()
        self._untaken = 0
        self._in_head = False
        self._head_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin; where there is one too many, another is closed, or this one."""
        super().connection_made(transport)
        if len(self.connections) > self.most:
            others = (each for each in self.connections if isinstance(each, Connection))
            waiting = [each for each in others if each is not self and each._burden() > _AT_WORK]
            max(waiting, key=Connection._burden, default=self).transport.abort()

    def data_received(self, data: bytes) -> None:
        """Take what has come; a head that does not end is refused."""
        if self.transport.is_closing():
            return
        super().data_received(data)
        if self._in_head:
            self._head_bytes += len(data)
            if self._head_bytes > _HEAD_BYTES and not self.transport.is_closing():
                self.transport.write(_HEAD_TOO_LARGE)
                self.transport.close()

    def on_message_begin(self) -> None:
        """Note that a head has begun."""
        super().on_message_begin()
        self._in_head, self._head_bytes = True, 0

    def on_headers_complete(self) -> None:
        """Note that a head is there."""
        self._in_head, self._since = False, self.loop.time()
        super().on_headers_complete()

    def on_response_complete(self) -> None:
        """Note that the client is to speak next."""
        self._since = self.loop.time()
        super().on_response_complete()

    def close_if_overdue(self, now: float) -> None:
        """Close the connection where its client keeps silent, or takes nothing of its answer."""
        untaken = self.transport.get_write_buffer_size()
        if not untaken or untaken < self._untaken - _TAKEN_BYTES or not self._untaken:
            self._untaken, self._taken_at = untaken, now
        silent = self._is_awaited and now - self._since > _HEAD_S
        if untaken and now - self._taken_at > _TAKEN_S:
            self.transport.abort()
        elif silent and not self.transport.is_closing():
            self.transport.close()

    @property
    def _is_awaited(self) -> bool:
        return self._in_head or self.cycle is None or self.cycle.response_complete

    def _burden(self) -> tuple[int, float]:
        """Order connections by how little is lost with them, and by how long they wait."""
        waited = self.loop.time() - self._since
        if self.transport.is_closing():
            return 3, waited
        if self._is_awaited:  # one that has asked before is worth more than one that never spoke
            return (2 if self.cycle is None else 1), waited
        if self.cycle.more_body:
            return (2 if waited > _LOOK_S else 0), waited
        return _AT_WORK


def limited_to(most: int) -> type[Connection]:
    """Give the class of connections of which there may be `most`."""
    return type("Connection", (Connection,), {"most": most})


async def watch(connections: set[Any]) -> None:
    """Close the `connections` that are overdue, once a second, for ever."""
    while True:
        await asyncio.sleep(_LOOK_S)
        now = asyncio.get_running_loop().time()
        for each in list(connections):
            if isinstance(each, Connection):
                each.close_if_overdue(now)


def descriptors() -> float:
    """Raise this process' limit of open files as far as it may, and give it."""
    if sys.platform == "win32":
        return math.inf
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and soft < hard:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        except (OSError, ValueError):  # macOS tells a hard limit that it does not grant
            hard = soft
    return math.inf if hard == resource.RLIM_INFINITY else hard
