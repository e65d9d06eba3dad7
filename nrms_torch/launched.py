"""Processes that a trainer has started: they end when the one that started them has gone."""

import os
import threading
import time

# The process that starts the others of its machine; they see it in their environment.
_LAUNCHER = "NRMS_TORCH_LAUNCHER"
_ROUND_S = 0.5


def is_launched() -> bool:
    """Tell whether a trainer has started this process beside its own."""
    return _LAUNCHER in os.environ and os.environ.get("LOCAL_RANK", "0") != "0"


def launch_from_here() -> None:
    """Let the processes that this one will start know it."""
    if os.environ.get("LOCAL_RANK", "0") == "0":  # those of torchrun start none
        os.environ[_LAUNCHER] = str(os.getpid())


def end_with_launcher() -> None:
    """Have a process that was started by a trainer end, at any moment, when that one has gone.

    To be called first: imports and data take long.
    """
    if is_launched():
        threading.Thread(target=_end_with_launcher, daemon=True).start()


def _end_with_launcher() -> None:
    while str(os.getppid()) == os.environ[_LAUNCHER]:
        time.sleep(_ROUND_S)
    os._exit(1)
