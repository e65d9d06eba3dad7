"""Which files are golden, told by their content."""

import json
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nrms_tf_reference.parity.recording import Recording
from nrms_tf_reference.parity.table_checks import CHECKS
from nrms_torch.errors import InputError

# A model that Keras 3 saved is an archive too, whose configuration is called otherwise.
_OF_A_RECORDING = "config.npy"


@dataclass(frozen=True)
class GoldenTable:
    """A golden JSON file: metrics or a pipeline, which its keys tell."""

    path: Path
    content: dict[str, Any]


Golden = Recording | GoldenTable


def read_golden(paths: Iterable[Path]) -> tuple[list[Golden], list[Path]]:
    """Read golden files and those of folders; give them, and the other files of the folders.

    Raises InputError for a file named that is not golden and for a folder without any that is.
    """
    golden: list[Golden] = []
    skipped: list[Path] = []
    for path in paths:
        if not path.is_dir():
            if (found := _read(path)) is None:
                raise InputError(
                    f"{path}: expected a golden .npz, a metrics JSON, a pipeline JSON, or a folder "
                    "of them"
                )
            golden.append(found)
            continue
        files = [(file, _read(file)) for file in sorted(path.iterdir()) if file.is_file()]
        if all(found is None for _, found in files):
            raise InputError(f"{path}: no golden file in it; expected .npz or JSON")
        golden += [found for _, found in files if found is not None]
        skipped += [file for file, found in files if found is None]
    return golden, skipped


def _read(path: Path) -> Golden | None:
    """Read a file; None where it is none of ours."""
    if not path.is_file():
        raise InputError(f"{path}: no such file; expected a golden file or a folder of them")
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            is_recording = _OF_A_RECORDING in archive.namelist()
        return Recording.read(path) if is_recording else None
    with path.open("rb") as file:
        if file.read(64).lstrip()[:1] != b"{":
            return None
    try:
        content = json.loads(path.read_bytes())
    except ValueError:
        return None
    is_table = any(keys <= content.keys() for keys in CHECKS)
    return GoldenTable(path, content) if is_table else None
