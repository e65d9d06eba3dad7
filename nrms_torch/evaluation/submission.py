"""The challenges' submission file: a zip of one text, one ranked impression a line."""

import io
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from nrms_torch.errors import InputError
from nrms_torch.files import replacing

# What each challenge's scorer looks for in the zip, by the format of its data.
MEMBERS = {"ebnerd": "predictions.txt", "mind": "prediction.txt"}
# Impressions turned into Python objects at a time: the test set has 13.5 million.
CHUNK = 65_536


def submission_lines(
    impression_ids: npt.NDArray[np.int64],
    ranks: npt.NDArray[np.integer],
    offsets: npt.NDArray[np.int64],
) -> Iterator[str]:
    """Write each impression as `impression_id [r1,r2,…]` and a newline, in the given order.

    impression_ids (I,), ranks (N,) with 1 for the best, offsets (I + 1,); arrays may be
    memory-mapped, a chunk is read at a time.

    Raises:
        InputError: the arrays do not fit together, or an impression's ranks are not 1 to its size,
            each once.
    """
    fits = len(offsets) == len(impression_ids) + 1 and (np.diff(offsets) >= 0).all()
    if not fits or offsets[0] != 0 or offsets[-1] != len(ranks):
        raise InputError(
            f"submission: {len(impression_ids)} impression ids, {len(ranks)} ranks and "
            f"{len(offsets)} offsets do not fit, expected one more offset than ids, "
            "rising from 0 to the number of ranks"
        )
    for start in range(0, len(impression_ids), CHUNK):
        ids = impression_ids[start : start + CHUNK]
        cuts = offsets[start : start + CHUNK + 1]
        part = ranks[cuts[0] : cuts[-1]]
        cuts = cuts - cuts[0]
        _check_ranks(ids, part, cuts)
        numbers, ends = part.tolist(), cuts.tolist()
        for row, impression_id in enumerate(ids.tolist()):
            # A list's own text is far faster than joining its numbers one by one.
            text = str(numbers[ends[row] : ends[row + 1]]).replace(" ", "")
            yield f"{impression_id} {text}\n"


def write_submission(path: Path, lines: Iterable[str], challenge: str) -> None:
    """Write the zip at `path`, parents made, whole or not at all; equal lines give equal bytes.

    `challenge` is the format of the data, as in MEMBERS.

    Raises:
        InputError: `path` is a folder or cannot be written.
    """
    # The defaults would stamp the time of day and the operating system.
    member = zipfile.ZipInfo(MEMBERS[challenge])
    member.create_system = 3
    member.external_attr = 0o644 << 16
    member.compress_type = zipfile.ZIP_DEFLATED
    with (
        replacing(path) as unfinished,
        zipfile.ZipFile(unfinished, "w") as archive,
        archive.open(member, "w", force_zip64=True) as binary,
        io.TextIOWrapper(binary, encoding="ascii", newline="\n") as text,
    ):
        text.writelines(lines)


def _check_ranks(
    ids: npt.NDArray[np.int64], ranks: npt.NDArray[np.integer], offsets: npt.NDArray[np.int64]
) -> None:
    """Raise InputError at the first impression whose ranks are not 1 to its size, each once."""
    sizes = np.diff(offsets)
    inside = (ranks >= 1) & (ranks <= np.repeat(sizes, sizes))
    seen = np.zeros(len(ranks), dtype=bool)
    seen[(np.repeat(offsets[:-1], sizes) + ranks - 1)[inside]] = True
    if not seen.all():
        row = int(np.searchsorted(offsets, int(seen.argmin()), side="right")) - 1
        raise InputError(
            f"submission: the ranks of impression {ids[row]} are not 1 to {sizes[row]}, each once"
        )
