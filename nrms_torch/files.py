"""Output files appear whole or not at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nrms_torch.errors import InputError


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary name beside `path`, to be written; rename it at the end, or remove it.

    Parents are made. Raises InputError where `path` is a folder or cannot be written.
    """
    require_writable(path)
    temporary = path.with_name(f".{os.getpid()}.{path.name}")
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def require_writable(path: Path) -> None:
    """Raise InputError where a file cannot be written at `path`, before hours of work for it."""
    if path.is_dir():
        raise InputError(f"{path}: is a folder; expected the name of a file to write")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror}") from error
    if not os.access(path.parent, os.W_OK):
        raise InputError(f"{path}: cannot be written: no permission, or a read-only file system")
