"""A server process of one's own on a free port, as long as a block lasts."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass(frozen=True)
class ServerProcess:
    """A server that is ready: its address, its process id, and how long its start took."""

    url: str
    pid: int
    start_s: float


@contextmanager
def server(module: str, *settings: str) -> Iterator[ServerProcess]:
    """Start `python -m module` with settings on a free port, and end it by SIGTERM.

    Where it ends before it is ready, so does this process, with its status: it has said why.
    """
    start = time.perf_counter()
    command = [sys.executable, "-m", module, *settings, "port=0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            line = process.stdout.readline()
            if "ready on " not in line:
                sys.exit(process.wait())
            url = line.split("ready on ")[1].strip()
            yield ServerProcess(url, process.pid, time.perf_counter() - start)
        finally:
            process.terminate()
