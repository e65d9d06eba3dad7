"""Impressions as flat arrays of article-table rows: what training and evaluation index into."""

from dataclasses import dataclass

import numpy as np
import polars as pl

from nrms_torch.data.articles import ArticleTable
from nrms_torch.data.schema import (
    CLICKED,
    HISTORY,
    HISTORY_KEY,
    IMPRESSION_ID,
    INVIEW,
    Split,
)


@dataclass(frozen=True)
class Impressions:
    """I impressions with N candidates and P distinct histories of H clicks.

    Candidates of impression i are `candidates[offsets[i]:offsets[i + 1]]`, rows of the article
    table, in the order shown; `labels` marks the clicked ones and is None for a split without
    labels. `histories` (P, H) holds the last H clicks, left-padded with 0, and its row 0 is the
    empty history. `unknown_articles` counts the distinct ids that the article table lacks.
    """

    impression_ids: np.ndarray  # (I,) int64
    history_index: np.ndarray  # (I,) int32, rows of histories
    histories: np.ndarray  # (P, H) int32
    offsets: np.ndarray  # (I + 1,) int64
    candidates: np.ndarray  # (N,) int32
    labels: np.ndarray | None  # (N,) bool
    unknown_articles: int

    def __len__(self) -> int:
        return len(self.impression_ids)

    def unusable(self) -> np.ndarray:
        """Mark impressions (I,) without a click or without a negative, which nothing can use."""
        if self.labels is None:
            return np.zeros(len(self), dtype=bool)
        total = np.concatenate([[0], np.cumsum(self.labels, dtype=np.int64)])
        clicks = total[self.offsets[1:]] - total[self.offsets[:-1]]
        return (clicks == 0) | (clicks == np.diff(self.offsets))


def index_impressions(split: Split, table: ArticleTable, history_size: int) -> Impressions:
    """Look up a split's ids in the article table; an id the table lacks becomes row 0."""
    histories = split.histories.select(
        HISTORY_KEY, pl.col(HISTORY).list.tail(history_size)
    ).collect(engine="streaming")
    lists, keys = histories[HISTORY], histories[HISTORY_KEY]
    columns = [IMPRESSION_ID, HISTORY_KEY, INVIEW] + [CLICKED] * split.labelled
    impressions = split.impressions.select(columns).collect(engine="streaming")

    clicks = _flat(lists)
    candidates = _flat(impressions[INVIEW])
    offsets = np.concatenate([[0], np.cumsum(impressions[INVIEW].list.len(), dtype=np.int64)])
    return Impressions(
        impression_ids=impressions[IMPRESSION_ID].to_numpy(),
        history_index=impressions[HISTORY_KEY]
        .replace_strict(
            keys,
            pl.Series(np.arange(1, len(keys) + 1, dtype=np.int32)),
            default=0,
            return_dtype=pl.Int32,
        )
        .to_numpy(),
        histories=_left_padded(table.rows(clicks), lists.list.len().to_numpy(), history_size),
        offsets=offsets,
        candidates=table.rows(candidates),
        labels=_labels(impressions[CLICKED], candidates, offsets) if split.labelled else None,
        unknown_articles=_count_unknown(pl.concat([clicks, candidates]), table),
    )


def _flat(lists: pl.Series) -> pl.Series:
    # An empty list would explode to a null of its own.
    return lists.filter(lists.list.len() > 0).explode()


def _left_padded(rows: np.ndarray, lengths: np.ndarray, size: int) -> np.ndarray:
    """Lay lists of given lengths, flat in `rows`, out as (P, size), behind a row of zeros."""
    padded = np.zeros((len(lengths) + 1, size), dtype=np.int32)
    padded[1:][np.arange(size) >= size - lengths[:, None].astype(np.int64)] = rows
    return padded


def _labels(clicked: pl.Series, candidates: pl.Series, offsets: np.ndarray) -> np.ndarray:
    """Mark the candidates whose id is among their impression's clicked ids."""
    owner = np.repeat(np.arange(len(clicked), dtype=np.int64), np.diff(offsets))
    clicks = np.repeat(np.arange(len(clicked), dtype=np.int64), clicked.list.len().to_numpy())
    shown = pl.DataFrame({"impression": owner, "article": candidates})
    hits = pl.DataFrame({"impression": clicks, "article": _flat(clicked)}).unique()
    marked = shown.join(
        hits.with_columns(hit=True),
        on=["impression", "article"],
        how="left",
        maintain_order="left",
    )
    return marked["hit"].fill_null(value=False).to_numpy()


def _count_unknown(ids: pl.Series, table: ArticleTable) -> int:
    distinct = ids.drop_nulls().unique()
    if distinct.dtype.is_integer():
        distinct = distinct.filter(distinct != 0)
    return int((table.rows(distinct) == 0).sum())
