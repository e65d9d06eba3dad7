"""A server process: it listens at once, is ready when its bundle is loaded, and ends gently."""

import asyncio
import signal
import socket

import uvicorn

from nrms_torch.serving.api.app import create_app
from nrms_torch.serving.api.listening import listen
from nrms_torch.serving.api.model_slot import ModelSlot
from nrms_torch.serving.api.settings import Settings

# What a long upload may still take after SIGTERM.
FINISH_S = 30


def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT, then finish what has begun.

    Raises InputError where the port is taken, or the bundle is not whole: nothing but health has
    been answered by then.
    """
    # uvicorn finishes and then raises the signal again, which is to end nothing else.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    slot = ModelSlot(threads=settings.threads)
    config = uvicorn.Config(
        create_app(slot, settings),
        # uvloop accepts one connection a turn: under load, readers that come wait for seconds.
        loop="asyncio",
        http="httptools",
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=FINISH_S,
    )
    with listen(settings.host, settings.port) as listening:
        asyncio.run(_serve(uvicorn.Server(config), slot, settings, listening))


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
    await server.serve(sockets=[listening])
    await loading
