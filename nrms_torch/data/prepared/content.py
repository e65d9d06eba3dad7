"""The hash of a file's whole content, kept for as long as the file system says it is the same.

The hash of 10 GB takes 7 s and more, which each command and each process would pay anew. So it is
kept with the file's stamp: its size, its number on the disk, and the times of change of its content
and of its entry. The last of these no program can set, so that a file that another has replaced, at
the same size and with the old time of change, has another stamp.
"""

import hashlib
import json
import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from nrms_torch.errors import InputError
from nrms_torch.files import replacing

FOLDER = "hashes"
# File systems count time in steps, of up to 2 s. A file that changed a moment ago can change again
# within its step, and keep its stamp: its hash is not kept.
STEP_NS = 2_000_000_000
# Windows tells when the entry was made, not when it changed: there every file is read.
_STAMPS_TELL_OF_CHANGES = os.name != "nt"


class ContentHashes:
    """Hashes of files, kept in `FOLDER` of a folder for kept things.

    They are looked for in `places`, and new ones are kept in `place`, nowhere where that is None.
    """

    def __init__(self, places: Sequence[Path], place: Path | None) -> None:
        self.places = places
        self.place = place

    def of(self, path: Path) -> str:
        """Give the SHA-256 of a file's bytes; InputError where it cannot be read."""
        try:
            with path.open("rb") as file:
                stamp = _stamp(file.fileno())
                if kept := next(self._kept(path, stamp), None):
                    return kept
                is_settled = time.time_ns() - stamp["entry_changed_ns"] > STEP_NS
                content = hashlib.file_digest(file, "sha256").hexdigest()
                if is_settled and stamp == _stamp(file.fileno()):
                    self._keep(path, stamp, content)
        except OSError as error:
            raise InputError(f"{path}: cannot be read ({error.strerror})") from error
        return content

    def _kept(self, path: Path, stamp: dict[str, int]) -> Iterator[str]:
        for place in self.places if _STAMPS_TELL_OF_CHANGES else ():
            try:
                found = json.loads((place / FOLDER / _name(path)).read_text(encoding="utf-8"))
            except (OSError, ValueError):
                continue
            if _says(found, stamp):
                yield found["sha256"]

    def _keep(self, path: Path, stamp: dict[str, int], content: str) -> None:
        if self.place is None or not _STAMPS_TELL_OF_CHANGES:
            return
        text = json.dumps({"file": str(path), "stamp": stamp, "sha256": content}, indent=2)
        try:
            with replacing(self.place / FOLDER / _name(path)) as temporary:
                temporary.write_text(text + "\n", encoding="utf-8")
        except (OSError, InputError):
            return  # a full disk costs time, at the next start, and nothing else


def _stamp(descriptor: int) -> dict[str, int]:
    stat = os.fstat(descriptor)
    return {
        "bytes": stat.st_size,
        "inode": stat.st_ino,
        "content_changed_ns": stat.st_mtime_ns,
        "entry_changed_ns": stat.st_ctime_ns,
    }


def _says(found: Any, stamp: dict[str, int]) -> bool:
    return (
        isinstance(found, dict)
        and found.get("stamp") == stamp
        and isinstance(found.get("sha256"), str)
    )


def _name(path: Path) -> str:
    """Name the file that a hash is kept in: files of one name lie in many folders."""
    where = hashlib.sha256(str(path.resolve()).encode()).hexdigest()
    return f"{path.stem}-{where[:16]}.json"
