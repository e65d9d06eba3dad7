"""What two processes that are measured by turns say to each other."""

import sys
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Turn:
    """What one process did in one turn.

    `work` counts rows, candidates, impressions or FLOPs; `flops` are the useful floating-point
    operations of the turn and `sgemm` is the rate of large matrix products just before it; both are
    0 where they are not counted.
    """

    seconds: float
    work: float
    peak_mib: float
    flops: float = 0.0
    sgemm: float = 0.0
    losses: tuple[float, ...] = ()


class Turns:
    """The measured process' end: it waits for its turn, works, and reports."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def wait(self) -> int:
        """Wait until it is this process' turn and give how many steps to make; 0 is the end."""
        steps: int = self._connection.recv()
        return steps

    def report(
        self,
        *,
        seconds: float,
        work: float,
        flops: float = 0.0,
        sgemm: float = 0.0,
        losses: tuple[float, ...] = (),
    ) -> None:
        """Say what was done since the turn began; the process' memory is added here."""
        self._connection.send(
            Turn(
                seconds=seconds,
                work=work,
                peak_mib=peak_mib(),
                flops=flops,
                sgemm=sgemm,
                losses=losses,
            )
        )


def peak_mib() -> float:
    """Give the most memory that this process has had, in MiB."""
    status = Path("/proc/self/status")
    if status.exists():
        # Not getrusage's: Linux lets a process inherit that of the one which started it.
        (line,) = (line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 1024
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1024**2 if sys.platform == "darwin" else 1024)
