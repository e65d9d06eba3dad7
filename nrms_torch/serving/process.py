"""A server process of one's own on a free port, as long as a block lasts."""

import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO

_NRMS = ("nrms_torch", "serve")


@dataclass(frozen=True)
class ServerProcess:
    """A server that is ready: its address, its process id, and how long its start took."""

    url: str
    pid: int
    start_s: float


@contextmanager
def server(
    *settings: str, module: Sequence[str] = _NRMS, log: IO[str] | None = None
) -> Iterator[ServerProcess]:
    """Start a server with settings on a free port, and end it by SIGTERM.

    What it logs goes to the file `log`, or to this process' standard error. Where it ends before
    it is ready, so does this process, with its status: it has said why.
    """
    start = time.perf_counter()
    command = [sys.executable, "-m", *module, *settings, "port=0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True) as process:
        assert process.stdout is not None
        try:
            line = process.stdout.readline()
            if "ready on " not in line:
                sys.exit(process.wait())
            url = line.split("ready on ")[1].strip()
            yield ServerProcess(url, process.pid, time.perf_counter() - start)
        finally:
            process.terminate()
