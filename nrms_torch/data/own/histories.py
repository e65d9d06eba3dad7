"""What a reader had clicked before a moment: never at it, never after it."""

from dataclasses import dataclass

import numpy as np
import polars as pl

from nrms_torch.data.own.logs import ARTICLE, IS_CLICK, READER, TIME


@dataclass(frozen=True)
class Clicks:
    """Each reader's first click on each article, sorted by reader and time.

    A second click on the same article, most often a page that is loaded again, is none.
    """

    readers: np.ndarray  # (N,) uint32
    articles: np.ndarray  # (N,) uint32
    times: np.ndarray  # (N,) int64, microseconds

    def __len__(self) -> int:
        return len(self.readers)

    def table(self) -> pl.DataFrame:
        """The clicks as a table: READER, ARTICLE and TIME."""
        return pl.DataFrame({READER: self.readers, ARTICLE: self.articles, TIME: self.times})

    def before(self, readers: np.ndarray, times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Give the clicks of readers (M,) before times (M,): from `starts` (M,) to `ends` (M,)."""
        # One number for reader and time, in the same order, so that one search finds both.
        moments = np.unique(self.times)
        keys = self.readers.astype(np.int64) * (len(moments) + 1)
        keys += np.searchsorted(moments, self.times)
        wanted = readers.astype(np.int64) * (len(moments) + 1) + np.searchsorted(moments, times)
        starts = np.searchsorted(self.readers, readers)
        return starts, np.searchsorted(keys, wanted)

    def lists(self, starts: np.ndarray, ends: np.ndarray) -> pl.Series:
        """Give the articles clicked from `starts` (M,) to `ends` (M,), oldest first, as lists."""
        sizes = ends - starts
        columns = np.arange(max(1, sizes.max(initial=0)))
        spots = (starts[:, None] + columns).clip(max=len(self) - 1)
        return as_lists(self.articles[spots], sizes)


def as_lists(values: np.ndarray, sizes: np.ndarray) -> pl.Series:
    """Make lists of the first `sizes` (M,) values of each row of (M, W)."""
    lists = pl.Series("lists", values, dtype=pl.Array(pl.UInt32, values.shape[1])).arr.to_list()
    table = lists.to_frame().with_columns(pl.Series("size", sizes))
    return table.select(pl.col("lists").list.head(pl.col("size"))).to_series()


def clicks_of(events: pl.DataFrame) -> Clicks:
    """List the clicks of a log's events."""
    clicks = (
        events.filter(IS_CLICK)
        .select(READER, ARTICLE, TIME)
        .sort(READER, TIME, maintain_order=True)
        .unique([READER, ARTICLE], keep="first", maintain_order=True)
    )
    return Clicks(*(clicks[name].to_numpy() for name in (READER, ARTICLE, TIME)))
