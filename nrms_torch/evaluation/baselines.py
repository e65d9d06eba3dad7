"""Simple rankings of a split's candidates, which a model has to beat: no training, any data."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import polars as pl

from nrms_torch.data.datamodule import NewsDataModule
from nrms_torch.data.impressions import IMPRESSIONS_PER_PART, Impressions
from nrms_torch.data.schema import ARTICLE_ID, TIME
from nrms_torch.evaluation.article_vectors import ArticleVectors, article_vectors
from nrms_torch.evaluation.metrics import means, per_impression

RANDOM, POPULARITY, NEWEST = "random", "popularity", "newest"
COSINE, CENTRED_COSINE = "cosine", "centred_cosine"
_SEED = 0


class SimpleRanking(NamedTuple):
    """A ranking's name and its scores of all candidates of a split, (N,)."""

    name: str
    scores: np.ndarray


def simple_rankings(datamodule: NewsDataModule, split: str) -> Iterator[SimpleRanking]:
    """Give each simple ranking of a split's candidates in turn.

    - random, of one seed;
    - popularity: the clicks that an article has in train, where the data has a train split;
    - newest: when an article was published, or else was first shown, where the data has times;
    - cosine of an article with the mean of the reader's clicks, of vectors of length 1;
    - centred_cosine: the same, with the mean of train's articles subtracted before.

    Without text there are no cosines. Clicks are those that the model reads, the last H. A reader
    without any has all scores equal.
    """
    impressions = datamodule.impressions(split)
    train = train_impressions(datamodule)
    random = np.random.default_rng(_SEED)
    yield SimpleRanking(RANDOM, random.random(len(impressions.candidates), dtype=np.float32))
    if train is not None and train.labels is not None:
        clicks = train_clicks(train, len(datamodule.table.features))
        yield SimpleRanking(POPULARITY, clicks[impressions.candidates])
    if (times := article_times(datamodule, split)) is not None:
        yield SimpleRanking(NEWEST, times[impressions.candidates])
    if not datamodule.table.content.shape[1]:
        return  # without text there are no vectors
    vectors = article_vectors(datamodule.table, datamodule.vocabulary)
    yield SimpleRanking(COSINE, _cosines(vectors, impressions))
    vectors = vectors.centred(_articles_of(impressions if train is None else train))
    yield SimpleRanking(CENTRED_COSINE, _cosines(vectors, impressions))


def simple_aucs(datamodule: NewsDataModule, split: str = "validation") -> dict[str, float]:
    """Give the mean AUC of each simple ranking on a labelled split, by its name."""
    impressions = datamodule.impressions(split)
    assert impressions.labels is not None
    return {
        name: means(per_impression(scores, impressions.labels, impressions.offsets))["auc"]
        for name, scores in simple_rankings(datamodule, split)
    }


def train_impressions(datamodule: NewsDataModule) -> Impressions | None:
    """Give train's impressions, None where the data has no such split."""
    config = datamodule.config
    has_train = "train" in config.reader.available_splits(config.folder)
    return datamodule.impressions("train") if has_train else None


def train_clicks(train: Impressions, articles: int) -> np.ndarray:
    """Count the clicks on each article, (R,) float32; of unknown ones none."""
    assert train.labels is not None
    clicks = np.bincount(train.candidates[train.labels], minlength=articles)
    clicks[0] = 0
    return clicks.astype(np.float32)


def article_times(datamodule: NewsDataModule, split: str) -> np.ndarray | None:
    """Give when each article was published, or else first shown, in seconds: (R,) float64.

    First shown is told by train and by the split itself. −inf stands for an article without a
    time; None where the data has no times at all.
    """
    config, table = datamodule.config, datamodule.table
    published = config.reader.read_published(config.folder)
    if published is not None:
        frame = published.filter(pl.col(TIME).is_not_null()).collect()
        times = np.full(len(table.features), -np.inf)
        times[table.rows(frame[ARTICLE_ID])] = _seconds(frame[TIME])
        times[0] = -np.inf
        return times
    first = np.full(len(table.features), np.inf)
    available = config.reader.available_splits(config.folder)
    for name in dict.fromkeys(name for name in ("train", split) if name in available):
        shown = config.reader.read_visits(config.folder, name)
        if shown is not None:
            _note_first(first, datamodule.impressions(name), _seconds(shown.collect()[TIME]))
    first[0] = np.inf
    return None if np.isinf(first).all() else np.where(np.isinf(first), -np.inf, first)


def _seconds(times: pl.Series) -> np.ndarray:
    """Give times in seconds, NaN for null."""
    micros = times.dt.epoch("us").cast(pl.Float64)
    return micros.fill_null(float("nan")).to_numpy() / 1e6


def _note_first(first: np.ndarray, impressions: Impressions, times: np.ndarray) -> None:
    """Lower `first` (R,) to the earliest of the times (I,) at which a candidate was shown."""
    times = np.where(np.isnan(times), np.inf, times)
    for start in range(0, len(impressions), IMPRESSIONS_PER_PART):
        offsets = impressions.offsets[start : start + IMPRESSIONS_PER_PART + 1]
        shown = np.repeat(times[start : start + IMPRESSIONS_PER_PART], np.diff(offsets))
        np.minimum.at(first, impressions.candidates[offsets[0] : offsets[-1]], shown)


def _articles_of(impressions: Impressions) -> np.ndarray:
    """Give the rows of the articles that occur, in view or in a history."""
    rows = np.union1d(impressions.candidates, impressions.histories)
    known: np.ndarray = rows[rows != 0]
    return known


def _cosines(vectors: ArticleVectors, impressions: Impressions) -> np.ndarray:
    """Score all candidates, some histories at a time: (N,) float32."""
    scores = np.empty(len(impressions.candidates), dtype=np.float32)
    order, ends = impressions.by_history
    for start in range(0, len(impressions.histories), vectors.users_at_once):
        stop = min(start + vectors.users_at_once, len(impressions.histories))
        positions = order[ends[start] : ends[stop]].astype(np.int64)
        if not len(positions):
            continue
        places, offsets = impressions.candidate_positions(positions)
        owner = np.repeat(impressions.history_index[positions] - start, np.diff(offsets))
        users = vectors.users(impressions.histories[start:stop])
        scores[places] = vectors.scores(users, owner, impressions.candidates[places])
    return scores
