"""AUC by what an impression is: how old, of what category, how new its clicked article is."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import polars as pl

from nrms_torch.data.datamodule import NewsDataModule
from nrms_torch.data.impressions import Impressions
from nrms_torch.data.schema import HISTORY_KEY, TIME
from nrms_torch.evaluation.baselines import article_times, train_impressions
from nrms_torch.evaluation.intervals import Interval, bootstrap
from nrms_torch.evaluation.shown_articles import ShownArticles

_HOUR = 3_600
# Upper ends of an article's age in hours, and what is said of it; the last is what is older.
_AGES = (
    (1.0, "under 1 hour"),
    (3.0, "1 to 3 hours"),
    (12.0, "3 to 12 hours"),
    (24.0, "12 to 24 hours"),
    (72.0, "1 to 3 days"),
    (np.inf, "over 3 days"),
)
_CATEGORIES = 12  # with the most impressions


class Row(NamedTuple):
    """A kind of impressions: its name, how many they are, and the AUC on them."""

    name: str
    impressions: int
    auc: Interval


class Breakdown(NamedTuple):
    """Rows of one table, under what they are told apart by."""

    title: str
    rows: list[Row]


def breakdowns(
    aucs: np.ndarray, datamodule: NewsDataModule, split: str, articles: ShownArticles | None
) -> list[Breakdown]:
    """Break the AUC of each impression (I,), NaN where it is not usable, down by what is known.

    By the age of the first clicked article where the data has times, by its category where it has
    articles, and by whether train has shown it or has its reader where there is a train split.
    """
    impressions = datamodule.impressions(split)
    usable = np.flatnonzero(~np.isnan(aucs))
    clicked = _first_clicked(impressions)[usable]
    values, found = aucs[usable], []
    if (ages := _ages(datamodule, split, clicked, usable)) is not None:
        names = [name for _, name in _AGES]
        kind = np.searchsorted([end for end, _ in _AGES[:-1]], ages / _HOUR, side="right")
        kind[np.isnan(ages)] = -1
        found.append(Breakdown("age of the clicked article", _rows(values, kind, names)))
    if articles is not None:
        categories = pl.Series(articles.categories, dtype=pl.String).gather(clicked)
        names = (
            categories.filter(categories != "").value_counts(sort=True).head(_CATEGORIES)[:, 0]
        ).to_list()
        number_of = {name: number for number, name in enumerate(names)}
        kind = np.array([number_of.get(category, -1) for category in categories])
        found.append(Breakdown("category of the clicked article", _rows(values, kind, names)))
    train = train_impressions(datamodule)
    if train is not None and split != "train":
        is_new = ~np.isin(clicked, train.candidates)
        names = ["shown in train", "new since train"]
        found.append(Breakdown("clicked article", _rows(values, is_new.astype(int), names)))
        is_new = ~np.isin(_readers(datamodule, split)[usable], _readers(datamodule, "train"))
        names = ["in train too", "new since train"]
        found.append(Breakdown("reader", _rows(values, is_new.astype(int), names)))
    return [breakdown for breakdown in found if len(breakdown.rows) > 1]


def _rows(aucs: np.ndarray, kind: np.ndarray, names: Sequence[str]) -> list[Row]:
    """Average the AUCs (n,) of each kind (n,), a place in `names`, or -1 for none."""
    return [
        Row(name, int(own.sum()), *bootstrap(aucs[own, None]))
        for number, name in enumerate(names)
        if (own := kind == number).any()
    ]


def _first_clicked(impressions: Impressions) -> np.ndarray:
    """Give the article row of each impression's first click, (I,), 0 where there is none."""
    assert impressions.labels is not None
    places = np.flatnonzero(impressions.labels)
    owner = np.searchsorted(impressions.offsets, places, side="right") - 1
    clicked = np.zeros(len(impressions), dtype=np.int64)
    # Backwards, so that the first click is written last.
    clicked[owner[::-1]] = impressions.candidates[places[::-1]]
    return clicked


def _ages(
    datamodule: NewsDataModule, split: str, clicked: np.ndarray, impressions: np.ndarray
) -> np.ndarray | None:
    """Give how old articles (n,) were in impressions (n,), in seconds, NaN where unknown."""
    config = datamodule.config
    shown, published = (
        config.reader.read_visits(config.folder, split),
        article_times(datamodule, split),
    )
    if shown is None or published is None:
        return None
    micros = shown.collect()[TIME].dt.epoch("us").cast(pl.Float64).fill_null(float("nan"))
    ages = micros.to_numpy()[impressions] / 1e6 - published[clicked]
    return np.where(np.isfinite(ages), ages, np.nan)


def _readers(datamodule: NewsDataModule, split: str) -> np.ndarray:
    """Give the key of each impression's history, which in EB-NeRD is the reader's id."""
    config = datamodule.config
    keys = config.reader.read_split(config.folder, split).impressions.select(HISTORY_KEY)
    return keys.collect()[HISTORY_KEY].fill_null(-1).to_numpy()
