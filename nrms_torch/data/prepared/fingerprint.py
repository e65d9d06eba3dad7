"""What prepared arrays were made of: the content of files, and options."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from nrms_torch.data.prepared.content import ContentHashes
from nrms_torch.errors import InputError


class Fingerprint:
    """A hash of the files and options that arrays are made of.

    Of a file its whole content counts, so that two files with the same name, size and time of
    change, as copies and archives leave them, are told apart, and an untouched copy is recognised.
    """

    def __init__(
        self, files: Sequence[Path], options: Mapping[str, Any], hashes: ContentHashes
    ) -> None:
        self.files = files
        self.hashes = hashes
        self.origin = {"files": [self._describe(path) for path in files], **options}

    @property
    def hash(self) -> str:
        """The hash, as hexadecimal text."""
        return hashlib.sha256(json.dumps(self.origin, sort_keys=True).encode()).hexdigest()

    def require_same(self) -> None:
        """Raise InputError where a file has changed since."""
        for path, before in zip(self.files, self.origin["files"], strict=True):
            if self._describe(path) != before:
                raise InputError(f"{path}: changed while it was read; start again")

    def _describe(self, path: Path) -> dict[str, str]:
        return {"file": path.name, "sha256": self.hashes.of(path)}


def describe_ids(ids: pl.Series) -> dict[str, Any]:
    """Tell the articles of a table by their number and a hash of their ids, in order."""
    content = json.dumps(ids.to_list()).encode()
    return {"number": len(ids), "hash": hashlib.sha256(content).hexdigest()}
