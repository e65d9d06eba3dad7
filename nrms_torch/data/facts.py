"""Facts of articles beside their text: the category, and how often train's readers clicked.

Two columns behind an article's tokens or its vector, so that an article stays one row.
Dimensions: R rows of the article table.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl

from nrms_torch.data.articles import ArticleTable
from nrms_torch.data.config import DataConfig
from nrms_torch.data.impressions import IMPRESSIONS_PER_PART, Impressions
from nrms_torch.data.schema import ARTICLE_ID, CATEGORY

FACTS = 2  # category number, 0 for none, and popularity in units
# Popularity is counted in thousandths: a table of tokens holds whole numbers.
POPULARITY_UNIT = 1e-3
# Clicks, and clicks by chance, that every article is given: one with few clicks stays near 0.
_PRIOR = 2.0


def article_categories(config: DataConfig, table: ArticleTable) -> list[str]:
    """Read each article's category (R - 1,), empty where the data has none."""
    articles = config.reader.read_articles(config.folder)
    if articles is None:
        return [""] * len(table.ids)
    known = articles.select(ARTICLE_ID, CATEGORY).collect()
    rows = pl.DataFrame({ARTICLE_ID: table.ids}).join(
        known, on=ARTICLE_ID, how="left", maintain_order="left"
    )
    return list(rows[CATEGORY].fill_null(""))


def category_names(categories: Sequence[str]) -> list[str]:
    """Give the categories that occur, in order: a category's number is its place, from 1 on."""
    return sorted(set(categories) - {""})


def popularity(impressions: Impressions, rows: int) -> np.ndarray:
    """Tell how much more often each article was clicked than its neighbours in view, (R,) float.

    log((clicks + 2) / (expected + 2)); expected is what an article would get if all candidates of
    an impression were clicked alike. 0 for what was not shown, and for the unknown article.
    """
    assert impressions.labels is not None, "there are clicks"
    found, chance = np.full((2, rows), _PRIOR)
    for start in range(0, len(impressions), IMPRESSIONS_PER_PART):
        offsets = impressions.offsets[start : start + IMPRESSIONS_PER_PART + 1]
        part, sizes = slice(offsets[0], offsets[-1]), np.diff(offsets)
        labels, candidates = impressions.labels[part], impressions.candidates[part]
        owners = np.repeat(np.arange(len(sizes)), sizes)
        clicks = np.bincount(owners, weights=labels, minlength=len(sizes))
        found += np.bincount(candidates, weights=labels, minlength=rows)
        expected = (clicks / np.maximum(sizes, 1))[owners]
        chance += np.bincount(candidates, weights=expected, minlength=rows)
    ratio: np.ndarray = np.log(found / chance)
    ratio[0] = 0
    return ratio


def in_units(popularity: np.ndarray) -> np.ndarray:
    """Turn popularity (R,) into whole units (R,) int32."""
    return np.asarray(np.rint(popularity / POPULARITY_UNIT), dtype=np.int32)


def popularity_of(table: ArticleTable, known: Mapping[Any, int]) -> np.ndarray:
    """Look up the popularity, in units, of each row (R,) int32; 0 where it is not known."""
    return np.array([0, *(known.get(article_id, 0) for article_id in table.ids)], dtype=np.int32)


def numbered(categories: Sequence[str], names: Sequence[str]) -> np.ndarray:
    """Give the number of each category (U,) int32; 0 for one that is not among `names`."""
    numbers = {name: number for number, name in enumerate(names, start=1)}
    return np.array([numbers.get(category, 0) for category in categories], dtype=np.int32)


def with_facts(table: ArticleTable, numbers: np.ndarray, popularity: np.ndarray) -> ArticleTable:
    """Put category numbers (R - 1,) and popularity in units (R,) behind a table's features."""
    facts = np.stack([np.concatenate([[0], numbers]), popularity], axis=1)
    features = np.concatenate([table.features, facts.astype(table.features.dtype)], axis=1)
    return replace(table, features=features, facts=FACTS)
