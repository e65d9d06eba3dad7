"""Unpack a zip from the web into a folder: every byte checked, and nothing outside the folder."""

import stat
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

from nrms_torch.console import progress
from nrms_torch.data.download.part import WrongArchiveError
from nrms_torch.errors import InputError, first_line
from nrms_torch.files import require_space

_CHUNK = 2**20
# What macOS adds to an archive, for itself.
_NOT_DATA = ("__MACOSX", ".DS_Store")
# What zipfile raises of a damaged archive; NotImplementedError is another compression, and
# RuntimeError a password.
_BROKEN = (
    *(zipfile.BadZipFile, zlib.error, struct.error, EOFError, OSError, OverflowError),
    *(UnicodeDecodeError, NotImplementedError, RuntimeError),
)


def unpack(archive: Path, folder: Path, files: Sequence[str], *, place: str) -> int:
    """Unpack `archive`, which came from `place`, into an empty folder; give the number of files.

    A folder that all files stand in is left out. Raises WrongArchiveError where it is no whole zip,
    a checksum is wrong, a member would leave the folder, or one of the patterns `files` has no
    file; InputError where the disk is too small.
    """
    with _reading(place):
        opened = zipfile.ZipFile(archive)
    with opened:
        members = _members(opened, place)
        _require_files(members, files, place)
        size = sum(info.file_size for info in members.values())
        require_space(folder, size)
        with progress(f"unpacking {place.rpartition('/')[2]}, bytes", size) as advance:
            for name, info in members.items():
                _write(_chunks(opened, info, place), folder / name, advance)
    return len(members)


@contextmanager
def _reading(place: str) -> Iterator[None]:
    """Turn what a damaged archive raises into a WrongArchiveError."""
    try:
        yield
    except _BROKEN as error:
        raise WrongArchiveError(f"{place}: is no whole zip archive: {first_line(error)}") from error


def _members(opened: zipfile.ZipFile, place: str) -> dict[PurePosixPath, zipfile.ZipInfo]:
    """Give the files by where they go; WrongArchiveError where one would leave the folder."""
    found = {}
    for info in opened.infolist():
        path = PurePosixPath(info.filename)
        is_odd = not path.parts or ".." in path.parts or set(info.filename) & set("\\:\0")
        if is_odd or path.is_absolute() or stat.S_ISLNK(info.external_attr >> 16):
            raise WrongArchiveError(
                f"{place}: has {info.filename!r}, which is a link or leaves the folder"
            )
        if not info.is_dir() and not set(_NOT_DATA) & set(path.parts):
            if path in found:
                raise WrongArchiveError(f"{place}: has two files of the name {info.filename!r}")
            found[path] = info
    tops = {path.parts[0] for path in found}
    if len(tops) == 1 and all(len(path.parts) > 1 for path in found):
        return {PurePosixPath(*path.parts[1:]): info for path, info in found.items()}
    return found


def _require_files(
    members: dict[PurePosixPath, zipfile.ZipInfo], files: Sequence[str], place: str
) -> None:
    names = [str(path) for path in members]
    missing = [file for file in files if not any(fnmatchcase(name, file) for name in names)]
    if missing or not names:
        has = f"{', '.join(names[:5])}{', …' if len(names) > 5 else ''}" or "no file"
        raise WrongArchiveError(
            f"{place}: is another archive: has {has}; expected {', '.join(missing) or 'files'}"
        )


def _chunks(opened: zipfile.ZipFile, info: zipfile.ZipInfo, place: str) -> Iterator[bytes]:
    """Yield the bytes of a file; at its end zipfile compares its checksum."""
    with _reading(place), opened.open(info) as packed:
        while chunk := packed.read(_CHUNK):
            yield chunk


def _write(chunks: Iterator[bytes], path: Path, advance: Callable[[int], object]) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("xb") as file:
            for chunk in chunks:
                file.write(chunk)
                advance(len(chunk))
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror}") from error
