"""What prepared arrays were made of, told from other files and options without reading them all."""

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from nrms_torch.errors import InputError

# Of a parquet file the footer, which has the row counts and the place and bounds of every column.
# Hashing whole files takes seconds at each start of each rank, and minutes from a slow disk.
BYTES_HASHED = 65_536


class Fingerprint:
    """A hash of the files and options that arrays are made of."""

    def __init__(self, files: Sequence[Path], options: Mapping[str, Any]) -> None:
        self.files = files
        self.options = options
        self.origin = self._origin()

    def _origin(self) -> dict[str, Any]:
        return {"files": [_describe(path) for path in self.files], **self.options}

    @property
    def hash(self) -> str:
        """The hash, as hexadecimal text."""
        return hashlib.sha256(json.dumps(self.origin, sort_keys=True).encode()).hexdigest()

    def require_same(self) -> None:
        """Raise InputError where a file has changed since."""
        for path, before in zip(self.files, self.origin["files"], strict=True):
            if _describe(path) != before:
                raise InputError(f"{path}: changed while it was read; start again")


def describe_ids(ids: pl.Series) -> dict[str, Any]:
    """Tell the articles of a table by their number and a hash of their ids, in order."""
    content = json.dumps(ids.to_list()).encode()
    return {"number": len(ids), "hash": hashlib.sha256(content).hexdigest()}


def _describe(path: Path) -> dict[str, Any]:
    """Tell a file's name, size, time of change, and a hash of its last bytes."""
    try:
        with path.open("rb") as file:
            stat = os.fstat(file.fileno())
            file.seek(max(0, stat.st_size - BYTES_HASHED))
            end = hashlib.sha256(file.read()).hexdigest()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
    return {"file": path.name, "bytes": stat.st_size, "changed_ns": stat.st_mtime_ns, "end": end}
