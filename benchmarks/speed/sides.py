"""The processes that are measured, from the measuring process' end."""

import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Any

from benchmarks.speed.turns import Turn
from nrms_torch.errors import InputError

# Above what a process needs to end by itself once it is told to.
_PATIENCE_S = 60
_LAST_WORDS = 2_000


class Side:
    """One or several processes that run `work(turns, **arguments)`, a turn at a time.

    Between turns they wait without using a core, so that two sides can be measured alternately.
    With several `processes` they find each other as Lightning's DDP expects; each has `threads`.
    """

    def __init__(
        self, work: Callable[..., None], *, threads: int, processes: int = 1, **arguments: Any
    ) -> None:
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the side
        self._processes: list[subprocess.Popen[bytes]] = []
        self._connections: list[Connection] = []
        port = _free_port()
        for index in range(processes):
            ours, theirs = Pipe()
            place = _place(index, port) if processes > 1 else {}
            self._processes.append(
                subprocess.Popen(
                    [sys.executable, "-m", "benchmarks.speed.worker", str(theirs.fileno())],
                    pass_fds=[theirs.fileno()],
                    env=_environment(threads) | place,
                    stdout=self._log,
                    stderr=subprocess.STDOUT,
                )
            )
            theirs.close()
            self._connections.append(ours)
        self._send((work, arguments))

    def turn(self, steps: int = 1) -> Turn:
        """Let the side make `steps` steps; InputError where it meets a user's mistake."""
        self._send(steps)
        turns = [self._receive(connection) for connection in self._connections]
        by_step = zip(*(turn.losses for turn in turns), strict=True)
        return Turn(
            seconds=max(turn.seconds for turn in turns),
            work=sum(turn.work for turn in turns),
            peak_mib=max(turn.peak_mib for turn in turns),
            flops=sum(turn.flops for turn in turns),
            sgemm=sum(turn.sgemm for turn in turns),
            losses=tuple(sum(losses) / len(turns) for losses in by_step),
        )

    def __enter__(self) -> "Side":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is None:
            self._send(0)
        for process in self._processes:
            if error is not None:
                process.kill()
            try:
                process.wait(_PATIENCE_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        for connection in self._connections:
            connection.close()
        self._log.close()

    def _send(self, message: Any) -> None:
        for connection in self._connections:
            try:
                connection.send(message)
            except OSError:
                self._receive(connection)  # what the process met before it ended
                raise

    def _receive(self, connection: Connection) -> Turn:
        try:
            answer = connection.recv()
        except (EOFError, OSError):
            self._fail()
        if isinstance(answer, InputError):
            raise answer
        assert isinstance(answer, Turn)
        return answer

    def _fail(self) -> Any:
        """Raise with the last words of the processes, whose output nobody has seen."""
        self._log.seek(0)
        words = self._log.read().decode(errors="replace")[-_LAST_WORDS:]
        raise RuntimeError(f"a measured process ended:\n{words}")


def _environment(threads: int) -> dict[str, str]:
    return os.environ | {
        "OMP_NUM_THREADS": str(threads),
        "TF_CPP_MIN_LOG_LEVEL": "3",
    }


def _place(index: int, port: int) -> dict[str, str]:
    return {
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
        "NODE_RANK": "0",
        "LOCAL_RANK": str(index),
    }


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
