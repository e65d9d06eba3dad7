"""The part of an archive that is on disk, and a note of what the whole is to be."""

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from nrms_torch.errors import InputError
from nrms_torch.files import replacing

_ARCHIVE, _NOTE, _LOCK = "archive.zip", "origin.json", ".lock"


class WrongArchiveError(InputError):
    """What has come is not what was asked for, so that its bytes are not kept."""


class Part:
    """The bytes of an archive that have come, in a folder that is kept with them.

    `place` is the URL they come from, without secrets. `version` is what the server knows the file
    by, and `total` its bytes; None where the server does not say. Without a version there is
    nothing to go on with, and what is there stays until another file begins.
    """

    def __init__(self, folder: Path, place: str) -> None:
        self.file, self._note, self.place = folder / _ARCHIVE, folder / _NOTE, place
        self.version: str | None = None
        self.total: int | None = None
        try:
            note = json.loads(self._note.read_text(encoding="utf-8"))
            if note["place"] == place:
                self.version, self.total = note["version"], note["total"]
        except (OSError, ValueError, KeyError, TypeError):
            pass  # no note, or none of ours

    @property
    def size(self) -> int:
        """The bytes that are there."""
        return self.file.stat().st_size if self.file.is_file() else 0

    def begin(self, version: str | None, total: int | None) -> None:
        """Forget what is there; a file of `version` and of `total` bytes follows."""
        self.version, self.total = version, total
        note = {"place": self.place, "version": version, "total": total}
        try:
            self.file.unlink(missing_ok=True)
            with replacing(self._note) as temporary:
                temporary.write_text(json.dumps(note), encoding="utf-8")
        except OSError as error:
            raise InputError(f"{self._note}: cannot be written: {error.strerror}") from error

    def is_whole(self) -> bool:
        """Tell whether all bytes are there."""
        return self.total is not None and self.size == self.total


@contextmanager
def part_folder(output: Path) -> Iterator[Path]:
    """Give the folder OUTPUT.part, for one process at a time.

    Afterwards it is gone, but where an error leaves bytes in it that can be gone on with. Raises
    InputError where it cannot be written, or another process is at it.
    """
    output = output.resolve()
    folder = output.with_name(f"{output.name}.part")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / _LOCK, timeout=0)
        lock.acquire()
    except Timeout as error:
        raise InputError(f"{output}: another process is downloading it") from error
    except OSError as error:
        raise InputError(f"{folder}: cannot be written: {error.strerror}") from error
    is_kept = False
    try:
        yield folder
    except BaseException as error:
        archive = folder / _ARCHIVE
        has_bytes = archive.is_file() and archive.stat().st_size > 0
        is_kept = has_bytes and not isinstance(error, WrongArchiveError)
        raise
    finally:
        if not is_kept:
            with suppress(OSError):  # a folder that holds something else, too, stays
                for name in (_ARCHIVE, _NOTE, _LOCK):
                    (folder / name).unlink(missing_ok=True)
                folder.rmdir()
        lock.release()
