"""From a split's tables to the arrays of Impressions, a batch of rows at a time."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import polars as pl

from nrms_torch.data.articles import ArticleTable
from nrms_torch.data.impressions import Impressions
from nrms_torch.data.schema import (
    CLICKED,
    HISTORY,
    HISTORY_KEY,
    IMPRESSION_ID,
    INVIEW,
    Split,
)

ROWS_PER_BATCH = 131_072

# Takes a part of an array of Impressions: the field's name and the rows that come next.
Append = Callable[[str, np.ndarray], None]


def index_impressions(split: Split, table: ArticleTable, history_size: int) -> Impressions:
    """Look up a split's ids in the article table, in memory; an id it lacks becomes row 0."""
    parts: dict[str, list[np.ndarray]] = defaultdict(list)
    unknown = index_in_batches(
        split, table, history_size, lambda name, part: parts[name].append(part)
    )
    arrays: dict[str, Any] = {name: np.concatenate(part) for name, part in parts.items()}
    return Impressions(**{"labels": None, **arrays}, unknown_articles=unknown)


def index_in_batches(
    split: Split,
    table: ArticleTable,
    history_size: int,
    append: Append,
    rows: int = ROWS_PER_BATCH,
) -> int:
    """Hand each array of Impressions to `append` in parts, in order, and count unknown articles.

    Memory is for `rows` rows of the split, for the keys of its histories, and for the distinct
    articles that the table lacks; whatever the number of impressions.
    """
    unknown = _Unknown(table)
    append("histories", np.zeros((1, history_size), dtype=np.int32))
    keys = [pl.Series(dtype=pl.Int64)]
    recent = split.histories.select(HISTORY_KEY, pl.col(HISTORY).list.tail(history_size))
    for batch in _batches(recent, rows):
        clicks, lists = _flat(batch[HISTORY]), batch[HISTORY]
        article_rows = unknown.rows(clicks)
        append("histories", _left_padded(article_rows, lists.list.len().to_numpy(), history_size))
        keys.append(batch[HISTORY_KEY])
    history_row = _row_numbers(pl.concat(keys))

    columns = [IMPRESSION_ID, HISTORY_KEY, INVIEW] + [CLICKED] * split.labelled
    end = np.zeros(1, dtype=np.int64)
    append("offsets", end)
    for batch in _batches(split.impressions.select(columns), rows):
        candidates, sizes = _flat(batch[INVIEW]), batch[INVIEW].list.len().to_numpy()
        offsets = np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)])
        append("impression_ids", batch[IMPRESSION_ID].to_numpy())
        append("history_index", history_row(batch[HISTORY_KEY]))
        append("offsets", end + offsets[1:])
        append("candidates", unknown.rows(candidates))
        if split.labelled:
            append("labels", _labels(batch[CLICKED], candidates, offsets))
        end = end + offsets[-1]
    return len(unknown.ids)


class _Unknown:
    """Looks ids up in the article table, and keeps the distinct `ids` that it lacks."""

    def __init__(self, table: ArticleTable) -> None:
        self.table = table
        self.ids = pl.Series(dtype=pl.Int64 if table.ids.dtype.is_integer() else pl.String)

    def rows(self, ids: pl.Series) -> np.ndarray:
        """Give the table's rows of ids (N,) as (N,) int32."""
        rows = self.table.rows(ids)
        missed = ids.filter(pl.Series(rows == 0)).drop_nulls().unique()
        if missed.dtype.is_integer():
            missed = missed.filter(missed != 0)
        self.ids = pl.concat([self.ids, missed]).unique()
        return rows


def _batches(table: pl.LazyFrame, rows: int) -> Iterator[pl.DataFrame]:
    """Yield the rows of a table in order; first none of them, since a table may have none."""
    yield pl.DataFrame(schema=table.collect_schema())
    yield from table.collect_batches(chunk_size=rows, maintain_order=True, engine="streaming")


def _flat(lists: pl.Series) -> pl.Series:
    # An empty list would explode to a null of its own.
    return lists.filter(lists.list.len() > 0).explode()


def _left_padded(rows: np.ndarray, lengths: np.ndarray, size: int) -> np.ndarray:
    """Lay lists of given lengths, flat in `rows`, out as (P, size)."""
    padded = np.zeros((len(lengths), size), dtype=np.int32)
    padded[np.arange(size) >= size - lengths[:, None].astype(np.int64)] = rows
    return padded


def _row_numbers(keys: pl.Series) -> Callable[[pl.Series], np.ndarray]:
    """Give a lookup of history keys: the row, from 1 on, of each; 0 for null and unknown ones."""
    # Sorted once: a hash table of a million keys would be built anew for each batch.
    values = keys.to_numpy()
    order = values.argsort(kind="stable")
    in_order = values[order]

    def rows(wanted: pl.Series) -> np.ndarray:
        found = np.zeros(len(wanted), dtype=np.int32)
        if len(values):
            numbers = wanted.fill_null(0).to_numpy()
            spots = np.searchsorted(in_order, numbers).clip(max=len(values) - 1)
            known = (in_order[spots] == numbers) & wanted.is_not_null().to_numpy()
            found[known] = order[spots[known]] + 1
        return found

    return rows


def _labels(clicked: pl.Series, candidates: pl.Series, offsets: np.ndarray) -> np.ndarray:
    """Mark the candidates whose id is among their impression's clicked ids."""
    labels = np.zeros(len(candidates), dtype=bool)
    clicks, numbers = _flat(clicked), clicked.list.len().to_numpy().astype(np.int64)
    first, sizes = numbers.cumsum() - numbers, np.diff(offsets)
    # Few impressions have a second click, so a round for each click's number is soon done.
    for number in range(numbers.max(initial=0)):
        rows = np.flatnonzero(numbers > number)
        flat = np.repeat(offsets[rows] - sizes[rows].cumsum() + sizes[rows], sizes[rows])
        flat += np.arange(len(flat))
        click = np.repeat(first[rows] + number, sizes[rows])
        hits = (candidates.gather(flat) == clicks.gather(click)).fill_null(value=False)
        labels[flat[hits.to_numpy()]] = True
    return labels
