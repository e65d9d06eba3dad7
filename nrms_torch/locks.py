"""A lock between processes, which a process that dies gives back."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]


@contextmanager
def exclusive(path: Path) -> Iterator[bool]:
    """Hold the lock of the file `path`, made where it is missing; wait for whoever holds it.

    Gives whether it is held: some systems and network disks have no such lock, and then the
    processes go on side by side.
    """
    with path.open("ab") as file:
        yield _lock(file.fileno())  # closing the file, or dying, gives it back


def _lock(descriptor: int) -> bool:
    if fcntl is None:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    except OSError:
        return False
    return True
