"""The visits of a split: when its impressions were shown, to whom, and beside which page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from nrms_torch.data.articles import ArticleTable
from nrms_torch.data.config import DataConfig
from nrms_torch.data.impressions import Impressions
from nrms_torch.data.schema import PAGE, READ_SECONDS, READER, SPLITS, TIME
from nrms_torch.errors import InputError


@dataclass(frozen=True)
class Visits:
    """I impressions with the seconds at which they were shown and left, readers and pages.

    `times` and `left` (I,) int64 are whole seconds: an impression is left after the time that was
    read, which is when its clicks are known. `readers` (I,) number the readers of all splits from 1
    on, 0 for none; `pages` (I,) are rows of the article table, 0 for no page or an unknown one.
    """

    impressions: Impressions
    times: np.ndarray
    left: np.ndarray
    readers: np.ndarray
    pages: np.ndarray


def read_visits(
    config: DataConfig, table: ArticleTable, impressions: Mapping[str, Impressions]
) -> dict[str, Visits]:
    """Read the visits of splits whose impressions are given, by their names.

    Raises InputError where the data tells no times, or a time is null.
    """
    tables = {split: _table(config, split) for split in impressions}
    readers = pl.concat([each[READER] for each in tables.values()]).unique().drop_nulls()
    numbers = pl.Series(np.arange(1, len(readers) + 1, dtype=np.int64))
    visits = {}
    for split, each in tables.items():
        times = (each[TIME].dt.epoch("us") // 1_000_000).to_numpy().astype(np.int64)
        read = each[READ_SECONDS].fill_nan(None).fill_null(0).to_numpy()
        found = each[READER].replace_strict(readers, numbers, default=0, return_dtype=pl.Int64)
        visits[split] = Visits(
            impressions[split],
            times,
            times + np.maximum(read, 0).astype(np.int64),
            found.to_numpy(),
            _rows(table, each[PAGE]),
        )
    return visits


def splits_with_events(config: DataConfig, wanted: str) -> list[str]:
    """Give the splits of the data that may tell events before `wanted` or in it, in their order."""
    available = config.reader.available_splits(config.folder)
    known = [split for split in SPLITS if split in available]
    return known[: known.index(wanted) + 1] if wanted in known else [*known, wanted]


def _table(config: DataConfig, split: str) -> pl.DataFrame:
    visits: pl.LazyFrame | None = config.reader.read_visits(config.folder, split)
    if visits is None:
        raise InputError(
            f"late: {split} of {config.folder} has no times of impressions, so that nobody can say "
            "what was clicked before; expected a time of each, or late=null"
        )
    frame = visits.with_columns(pl.col(READER).cast(pl.String), pl.col(READ_SECONDS)).collect()
    if missing := frame[TIME].null_count():
        raise InputError(
            f"late: {missing:,} of {len(frame):,} impressions of {split} of {config.folder} have "
            "no time; expected a time of each, or late=null"
        )
    return frame.with_columns(pl.col(READ_SECONDS).cast(pl.Float64))


def _rows(table: ArticleTable, pages: pl.Series) -> np.ndarray:
    """Look pages up in the article table; all 0 where the data has none."""
    if pages.null_count() == len(pages):
        return np.zeros(len(pages), dtype=np.int64)
    return table.rows(pages).astype(np.int64)


def span_of(visits: Sequence[Visits]) -> tuple[int, int]:
    """Give the first and the last second at which impressions were shown; at least one is."""
    times = [each.times for each in visits if len(each.times)]
    return min(int(each.min()) for each in times), max(int(each.max()) for each in times)
