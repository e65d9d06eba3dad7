"""Output files appear whole or not at all; a file is known by its hash."""

import hashlib
import json
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from nrms_torch.errors import InputError, first_line


def users_cache() -> Path:
    """Give the folder of the user's cache that is ours, which may not be there yet.

    Raises InputError where there is none, as in a container whose user has no home.
    """
    try:
        return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "nrms-torch"
    except RuntimeError as error:
        raise InputError(
            "there is no home folder to keep a cache in; expected HOME, XDG_CACHE_HOME or "
            "data.cache to name a folder"
        ) from error


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
def replacing_folder(path: Path) -> Iterator[Path]:
    """Give a new folder beside `path`, to be filled; rename it at the end, or remove it.

    Whatever was at `path` before is removed. Where `path` is a link, all of this is done to what it
    leads to, and the link stays. What a killed process leaves is `unfinished`.
    """
    path = path.resolve()
    temporary, old = (path.with_name(f".{path.name}.{uuid.uuid4().hex}.tmp") for _ in range(2))
    temporary.mkdir(parents=True)
    try:
        yield temporary
        if path.exists():
            path.rename(old)
        temporary.rename(path)
    finally:
        for remains in (temporary, old):
            shutil.rmtree(remains, ignore_errors=True)


def unfinished(folder: Path, names: str) -> Iterator[Path]:
    """Find what `replacing_folder` has left in `folder`, for a pattern of `names`, when killed."""
    return folder.glob(f".{names}.{'[0-9a-f]' * 32}.tmp")


def require_writable(path: Path) -> None:
    """Raise InputError where a file cannot be written at `path`, before hours of work for it."""
    if path.is_dir():
        raise InputError(f"{path}: is a folder; expected the name of a file to write")
    _make_parents(path)
    if not os.access(path.parent, os.W_OK):
        raise InputError(f"{path}: cannot be written: no permission, or a read-only file system")


def require_replaceable(path: Path, *, known_by: str) -> None:
    """Raise InputError where a folder cannot be written at `path`, or something else is there.

    A folder may give way where it is empty or has a file `known_by`.
    """
    is_ours = (path / known_by).is_file() or (path.is_dir() and not any(path.iterdir()))
    if path.exists() and not is_ours:
        raise InputError(f"{path}: is in use, and is no folder with a {known_by}")
    _make_parents(path)


def require_space(folder: Path, size: int) -> None:
    """Raise InputError where the disk of `folder` has no room for `size` bytes more."""
    free = shutil.disk_usage(folder).free
    if size > free:
        told = f"{free / 2**20:,.1f} MiB free; expected {size / 2**20:,.1f} MiB or more"
        raise InputError(f"{folder}: the disk has {told}")


def file_sha256(path: Path) -> str:
    """Give the SHA-256 of a file's bytes, as hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_json(path: Path, *fields: str) -> dict[str, Any]:
    """Read a JSON file that holds an object with all of `fields`.

    Raises InputError where it cannot be read, or is damaged.
    """
    try:
        found = dict(json.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    except (ValueError, TypeError) as error:  # no JSON, or none of ours
        raise InputError(f"{path}: damaged: {first_line(error)}") from error
    if missing := [field for field in fields if field not in found]:
        raise InputError(f"{path}: damaged: has no {missing[0]}")
    return found


def _make_parents(path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror}") from error
