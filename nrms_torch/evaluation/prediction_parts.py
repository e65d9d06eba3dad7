"""Predictions on disk between scoring and the output: parts by rank, joined in the split's order.

Ranks score impressions by history, so a part's impressions lie anywhere in the split. Each part is
sorted by position, and its row groups are small: the join reads a window of the split from all
parts and skips the rest, so that its memory does not grow with the split.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from nrms_torch.errors import InputError
from nrms_torch.files import replacing

# Candidates in a part, and in a window of the join: some 100 MB of arrays and sorting.
PART_CANDIDATES = 4_000_000
ROW_GROUP = 65_536

POSITION, RANK, SCORE = "position", "rank", "score"


class Predictions(NamedTuple):
    """Consecutive impressions of a split, from position `first` on, with N candidates.

    `ranks` (N,) int32 count from 1 for the best, `scores` (N,) float32 are dot products, None
    where they were not kept.
    """

    first: int
    ranks: npt.NDArray[np.int32]
    scores: npt.NDArray[np.float32] | None


class PartWriter:
    """Writes what one rank scores as parquet parts in `folder`, a row a candidate.

    A part's name ends in how many of the rank's `chunks` are written with it, so that parts which
    are there already are gone on from: `done` is their number. One is always left to be scored.
    """

    def __init__(self, folder: Path, rank: int, chunks: int) -> None:
        self.folder = folder
        self.rank = rank
        files = sorted(folder.glob(f"{rank:05d}-*.parquet"))
        while files and _chunks_with(files[-1]) >= chunks:
            files.pop().unlink()
        self.written = len(files)
        self.done = _chunks_with(files[-1]) if files else 0
        self._held: list[pl.DataFrame] = []

    def add(self, candidates: pl.DataFrame) -> None:
        """Take a chunk's candidates, impression after impression: POSITION (of each one's
        impression), RANK and maybe SCORE.
        """
        self.done += 1
        self._held.append(candidates)
        if sum(map(len, self._held)) >= PART_CANDIDATES:
            self.flush()

    def flush(self) -> None:
        """Write what is held as one part, under a temporary name until it is whole."""
        if not self._held:
            return
        part = pl.concat(self._held).sort(POSITION, maintain_order=True)
        self._held = []
        name = f"{self.rank:05d}-{self.written:05d}-{self.done:08d}.parquet"
        with replacing(self.folder / name) as temporary:
            part.write_parquet(temporary, row_group_size=ROW_GROUP, statistics=True)
        self.written += 1


def _chunks_with(part: Path) -> int:
    return int(part.stem.rpartition("-")[2])


def joined(folder: Path, offsets: npt.NDArray[np.int64]) -> Iterator[Predictions]:
    """Give all parts of a split's `offsets` (I + 1,) in its order, some impressions at a time.

    Raises:
        InputError: the parts do not hold every impression once.
    """
    files = sorted(folder.glob("*.parquet"))
    found = sum(
        pl.scan_parquet(file, glob=False).select(pl.len()).collect().item() for file in files
    )
    if found != offsets[-1]:
        raise InputError(
            f"{folder}: found {found} of {offsets[-1]} candidates in {len(files)} parts; expected "
            "all of them: nodes must share the output's file system"
        )
    return _windows(files, offsets)


def _windows(files: list[Path], offsets: npt.NDArray[np.int64]) -> Iterator[Predictions]:
    parts = pl.scan_parquet(files, glob=False)
    first, impressions = 0, len(offsets) - 1
    while first < impressions:
        ends = np.searchsorted(offsets, offsets[first] + PART_CANDIDATES, side="right")
        stop = max(first + 1, int(ends) - 1)
        window = (
            parts.filter(pl.col(POSITION).is_between(first, stop - 1))
            .collect()
            .sort(POSITION, maintain_order=True)
        )
        positions = np.repeat(np.arange(first, stop), np.diff(offsets[first : stop + 1]))
        if not np.array_equal(window[POSITION].to_numpy(), positions):
            raise InputError(
                f"{files[0].parent}: the parts do not hold impressions {first} to {stop - 1} once; "
                "expected one prediction at a time for one output"
            )
        scores = window[SCORE].to_numpy() if SCORE in window.columns else None
        yield Predictions(first, window[RANK].to_numpy(), scores)
        first = stop
