"""A lock between processes, which a process that dies gives back."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]


@contextmanager
def exclusive(path: Path, *, wait: bool = True) -> Iterator[bool]:
    """Hold the lock of the file `path`, made where it is missing; wait for whoever holds it.

    Gives whether it is held: some systems and network disks have no such lock, and then the
    processes go on side by side. Without `wait`, raises BlockingIOError where another holds it.
    """
    with path.open("ab") as file:
        yield _lock(file.fileno(), wait)  # closing the file, or dying, gives it back


def _lock(descriptor: int, wait: bool) -> bool:
    if fcntl is None:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        raise
    except OSError:
        return False
    return True
