"""Output files appear whole or not at all."""

import os
import shutil
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


@contextmanager
def replacing_folder(path: Path, *, known_by: str) -> Iterator[Path]:
    """Give a temporary folder beside `path`, to be filled; rename it at the end, or remove it.

    A folder at `path` gives way where it is empty or has a file `known_by`. Raises InputError
    where something else is there, or where nothing can be written.
    """
    is_ours = (path / known_by).is_file() or (path.is_dir() and not any(path.iterdir()))
    if path.exists() and not is_ours:
        raise InputError(f"{path}: is in use, and is no folder with a {known_by}")
    name = f".{os.getpid()}.{path.name}"
    temporary, replaced = path.with_name(name), path.with_name(f"{name}.replaced")
    try:
        temporary.mkdir(parents=True)
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror}") from error
    try:
        yield temporary
        if path.exists():
            path.rename(replaced)
        temporary.rename(path)
    finally:
        for leftover in (temporary, replaced):
            shutil.rmtree(leftover, ignore_errors=True)


def require_writable(path: Path) -> None:
    """Raise InputError where a file cannot be written at `path`, before hours of work for it."""
    if path.is_dir():
        raise InputError(f"{path}: is a folder; expected the name of a file to write")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror}") from error
