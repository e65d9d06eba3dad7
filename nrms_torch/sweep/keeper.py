"""A command that does not outlive whoever started it: `python -m nrms_torch.sweep.keeper COMMAND…`.

Standard input is a pipe that the starter holds open. When it closes, since the starter closes it or
has died, however it died, the command ends, and so do the processes that it started.
"""

import contextlib
import os
import signal
import subprocess
import sys
from threading import Thread

_GRACE_S = 10


def main() -> None:
    """Run the command in a process group of its own, and end with its status."""
    process = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL, process_group=0)

    Thread(target=_wait_for_starter, args=(process,), daemon=True).start()
    status = process.wait()
    _signal(process, signal.SIGKILL)  # a rank that its launcher has left
    sys.exit(status if status >= 0 else 128 - status)


def _wait_for_starter(process: subprocess.Popen[bytes]) -> None:
    while os.read(sys.stdin.fileno(), 1):  # unbuffered: a buffer's lock would be held at exit
        pass
    _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ask the command's processes to end, and do not take no for an answer."""
    _signal(process, signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(_GRACE_S)
    _signal(process, signal.SIGKILL)


def _signal(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)


if __name__ == "__main__":
    main()
