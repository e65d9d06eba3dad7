"""Arrays as `.npy` files of a folder: written in parts, read memory-mapped."""

from pathlib import Path
from typing import BinaryIO

import numpy as np

# Of an array: its type as numpy writes it, and its shape.
Description = dict[str, tuple[str, list[int]]]


class ArrayWriter:
    """Writes arrays of a folder, each a file `NAME.npy`, as their parts come."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.files: dict[str, BinaryIO] = {}
        self.described: Description = {}

    def __enter__(self) -> "ArrayWriter":
        return self

    def __exit__(self, *_: object) -> None:
        for file in self.files.values():
            file.close()

    def append(self, name: str, part: np.ndarray) -> None:
        """Write the next rows of an array; its first part decides its type."""
        if name not in self.files:
            self.files[name] = (self.folder / f"{name}.npy").open("wb")
            self.described[name] = (part.dtype.str, [0, *part.shape[1:]])
            self._write_header(name)
        kind, shape = self.described[name]
        self.files[name].write(part.astype(kind, copy=False).tobytes())
        shape[0] += len(part)

    def finish(self) -> Description:
        """Complete the headers, and say what was written."""
        for name, file in self.files.items():
            file.seek(0)
            self._write_header(name)
            file.flush()
        return self.described

    def _write_header(self, name: str) -> None:
        kind, shape = self.described[name]
        # numpy leaves room in a header for a first dimension of any length.
        np.lib.format.write_array_header_1_0(
            self.files[name], {"descr": kind, "fortran_order": False, "shape": tuple(shape)}
        )


def open_arrays(folder: Path, described: Description) -> dict[str, np.ndarray]:
    """Map arrays into memory, by name, so that all processes share their pages.

    Raises OSError or ValueError where a file is missing or not as described, to the byte.
    """
    return {name: _open(folder / f"{name}.npy", *how) for name, how in described.items()}


def _open(path: Path, kind: str, shape: list[int]) -> np.ndarray:
    # Mapped "c", not "r": torch warns of arrays that cannot be written, and whatever were written
    # to these would stay with the process.
    array = np.load(path, mmap_mode="c")
    found = (array.dtype.str, list(array.shape))
    if found != (kind, shape) or path.stat().st_size != array.offset + array.nbytes:
        raise ValueError(f"{path.name} is not as it was written")
    return np.asarray(array)
