"""Impressions whose arrays are files: memory-mapped, and pickled as the name of their folder."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from nrms_torch.data.impressions import Impressions
from nrms_torch.data.prepared.arrays import open_arrays
from nrms_torch.data.prepared.content import ContentHashes
from nrms_torch.files import file_sha256

META = "meta.json"


@dataclass(frozen=True)
class MappedImpressions(Impressions):
    """Impressions of a folder of arrays, which all processes of a machine share.

    What is derived from impressions is read from the folder too. `fingerprint` stands for the files
    and options that it was made of; `counts` are of impressions, candidates, histories, skipped, ….
    """

    folder: Path
    fingerprint: str
    counts: Mapping[str, int]
    derived: Mapping[str, np.ndarray]

    @property
    def mebibytes(self) -> float:
        """What the folder takes on disk."""
        return sum(file.stat().st_size for file in self.folder.iterdir()) / 2**20

    def __reduce__(self) -> tuple[Callable[[Path], "MappedImpressions"], tuple[Path]]:
        """Pickle the folder's name alone: another process maps the same files."""
        return open_impressions, (self.folder,)

    @cached_property
    def skipped(self) -> int:
        """How many impressions are unusable."""
        return self.counts["skipped"]

    @cached_property
    def usable_clicks(self) -> tuple[np.ndarray, np.ndarray]:
        """As computed when the folder was written."""
        if self.labels is None:
            raise ValueError("training rows need labels")
        return self.derived["click_owners"], self.derived["clicks"]

    @cached_property
    def by_history(self) -> tuple[np.ndarray, np.ndarray]:
        """As computed when the folder was written."""
        return self.derived["history_order"], self.derived["history_ends"]


def write_meta(folder: Path, meta: Mapping[str, Any]) -> None:
    """Write what a folder of arrays is, with the hash of each of `meta`'s arrays and its own."""
    hashes = {name: file_sha256(folder / f"{name}.npy") for name in meta["arrays"]}
    content = {**meta, "sha256": hashes}
    text = json.dumps({**content, "own_sha256": _hash(content)}, indent=2)
    (folder / META).write_text(text + "\n", encoding="utf-8")


def open_impressions(folder: Path, hashes: ContentHashes | None = None) -> MappedImpressions:
    """Open a folder of arrays; ValueError where anything in it is not as it was written.

    Of the arrays it is their sizes and types that are looked at and, by `hashes`, every byte.
    """
    try:
        meta = json.loads((folder / META).read_text(encoding="utf-8"))
        if meta.pop("own_sha256") != _hash(meta):
            raise ValueError(f"{META} is not as it was written")
        if hashes is not None:
            for name, expected in meta["sha256"].items():
                if hashes.of(folder / f"{name}.npy") != expected:
                    raise ValueError(f"{name}.npy is not as it was written")
        derived = open_arrays(folder, meta["arrays"])
        names = (field.name for field in fields(Impressions))
        arrays: dict[str, Any] = {name: derived.pop(name) for name in names if name in derived}
        return MappedImpressions(
            **{"labels": None, **arrays},
            unknown_articles=meta["counts"]["unknown_articles"],
            folder=folder,
            fingerprint=meta["fingerprint"],
            counts=meta["counts"],
            derived=derived,
        )
    except (OSError, EOFError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise ValueError(f"{folder}: damaged ({error})") from error


def _hash(meta: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(meta, sort_keys=True).encode()).hexdigest()
