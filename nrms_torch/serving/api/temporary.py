"""The temporary files of a server: in one folder, which the next server removes after a kill -9."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

_PREFIX = "nrms-serve-"


@contextmanager
def temporary_files() -> Iterator[Path]:
    """Keep all of this process' temporary files in one folder, as long as a block lasts.

    Folders of servers that were killed are removed first: nobody holds their lock any more.
    """
    before = tempfile.tempdir
    parent = Path(tempfile.gettempdir())
    for folder in parent.glob(f"{_PREFIX}*"):
        _remove_if_left(folder)
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
    try:
        with FileLock(_lock(folder)):
            tempfile.tempdir = str(folder)
            yield folder
    finally:
        tempfile.tempdir = before
        shutil.rmtree(folder, ignore_errors=True)


def _remove_if_left(folder: Path) -> None:
    if hasattr(os, "getuid") and folder.stat().st_uid != os.getuid():
        return
    # A server makes its folder first and then the lock: without it one is just being started.
    if not _lock(folder).is_file():
        return
    try:
        with FileLock(_lock(folder), blocking=False):
            shutil.rmtree(folder, ignore_errors=True)
    except Timeout:
        return


def _lock(folder: Path) -> Path:
    return folder / "lock"
