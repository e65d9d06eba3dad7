"""A server process: it listens at once, is ready when its bundle is loaded, and ends gently."""

import asyncio
import signal

import uvicorn

from nrms_torch.serving.api.app import create_app
from nrms_torch.serving.api.model_slot import ModelSlot
from nrms_torch.serving.api.settings import Settings

# What a long upload may still take after SIGTERM.
_FINISH_S = 30


def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT, then finish what has begun.

    Raises InputError where the bundle is not whole: nothing has been answered by then but health.
    """
    # uvicorn finishes and then raises the signal again, which is to end nothing else.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    slot = ModelSlot(threads=settings.threads)
    server = uvicorn.Server(
        uvicorn.Config(
            create_app(slot, settings),
            host=settings.host,
            port=settings.port,
            log_level="warning",
            access_log=False,
            timeout_graceful_shutdown=_FINISH_S,
        )
    )
    with asyncio.Runner(loop_factory=server.config.get_loop_factory()) as runner:
        runner.run(_serve(server, slot, settings))


async def _serve(server: uvicorn.Server, slot: ModelSlot, settings: Settings) -> None:
    loading = asyncio.create_task(_load(server, slot, settings))
    await server.serve()
    await loading


async def _load(server: uvicorn.Server, slot: ModelSlot, settings: Settings) -> None:
    try:
        recommender = await asyncio.to_thread(slot.load, settings.bundle)
    except BaseException:
        server.should_exit = True
        raise
    print(
        f"{settings.bundle}: {len(recommender):,} articles, model {recommender.bundle.version}, "
        f"ready on http://{settings.host}:{_port(server)}",
        flush=True,
    )


def _port(server: uvicorn.Server) -> int:
    """Tell the port that is listened on, which port=0 leaves to the system."""
    for listening in server.servers if server.started else ():
        return int(listening.sockets[0].getsockname()[1])
    return server.config.port
