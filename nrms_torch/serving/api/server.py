"""A server process: it listens at once, is ready when its bundle is loaded, and ends gently."""

import asyncio
import signal
import socket

import uvicorn

from nrms_torch.serving.api.app import create_app
from nrms_torch.serving.api.connections import descriptors, limited_to, watch
from nrms_torch.serving.api.ending import FINISH_S, Ending
from nrms_torch.serving.api.listening import listen
from nrms_torch.serving.api.logs import log_seldom
from nrms_torch.serving.api.model_slot import ModelSlot
from nrms_torch.serving.api.settings import Settings
from nrms_torch.serving.api.temporary import temporary_files

# Connections that are taken in one turn of the loop, before any is closed to make room.
_ACCEPTED = 128
# File descriptors for all else: the model, uploads, logs.
_OTHER_FILES = 64


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, ending: Ending) -> None:
        super().__init__(config)
        self._ending = ending

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._ending.begin()
        await super().shutdown(sockets)


def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT, then finish what has begun.

    Raises InputError where the port is taken, or the bundle is not whole: nothing but health has
    been answered by then.
    """
    # uvicorn finishes and then raises the signal again, which is to end nothing else.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    log_seldom()
    slot, ending = ModelSlot(threads=settings.threads, max_added=settings.max_added), Ending()
    files = descriptors()
    accepted = int(min(_ACCEPTED, files / 8))
    # Those that are closed to make room keep theirs for a turn.
    most = int(min(settings.max_connections, max(files - 2 * accepted - _OTHER_FILES, 16)))
    config = uvicorn.Config(
        create_app(slot, settings, ending),
        # uvloop accepts one connection a turn: under load, readers that come wait for seconds.
        loop="asyncio",
        http=limited_to(most),
        backlog=accepted,
        log_config=None,
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=FINISH_S,
    )
    with listen(settings.host, settings.port) as listening, temporary_files():
        asyncio.run(_serve(_Server(config, ending), slot, settings, listening))


async def _serve(
    server: uvicorn.Server, slot: ModelSlot, settings: Settings, listening: socket.socket
) -> None:
    port = listening.getsockname()[1]

    async def load() -> None:
        try:
            recommender = await asyncio.to_thread(slot.load, settings.bundle)
        except BaseException:
            server.should_exit = True
            raise
        print(
            f"{settings.bundle}: {len(recommender):,} articles, "
            f"model {recommender.bundle.version}, ready on http://{settings.host}:{port}",
            flush=True,
        )

    loading = asyncio.create_task(load())
    watching = asyncio.create_task(watch(server.server_state.connections))
    await server.serve(sockets=[listening])
    watching.cancel()
    await loading
