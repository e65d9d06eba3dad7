"""Negatives for a log that says only what was clicked: drawn from articles alive at that time.

An article is alive for some hours after each click on it. The negatives of a click at time t are
drawn from the newest clicks of all readers before t, so that an article is drawn about as often as
readers chose it just then: neither its popularity nor its age tells the click from them. (Clicks
of two whole days are on older articles than the clicks of now, and a model would learn to tell them
by that.) What happens at t or later plays no part.
"""

from dataclasses import dataclass

import numpy as np
import polars as pl

from nrms_torch.data.own.articles import PUBLISHED, OwnArticles
from nrms_torch.data.own.histories import Clicks, as_lists
from nrms_torch.data.own.impressions import MADE
from nrms_torch.data.own.logs import ARTICLE, READER, TIME
from nrms_torch.data.own.summary import Summary
from nrms_torch.data.schema import CLICKED, INVIEW

_RECENT = 10  # clicks that are drawn from, for each negative that is wanted
_ROWS = 50_000  # drawn for together
# Draws for each negative that is wanted: some hit the same article, or one that the reader knows.
# Rows that get too few are drawn for again, with more.
_TRIES, _MORE_TRIES = 2, 10


@dataclass(frozen=True)
class _Past:
    """The clicks of all readers, sorted by time, and again by who clicked what."""

    times: np.ndarray  # (N,) int64
    articles: np.ndarray  # (N,) uint32
    published: np.ndarray  # (A,) int64: no article is shown before
    pairs: np.ndarray  # (N,) int64: reader and article of each click, sorted
    pair_times: np.ndarray  # (N,) int64


def draw_impressions(
    chosen: pl.DataFrame,
    clicks: Clicks,
    articles: OwnArticles,
    summary: Summary,
    *,
    negatives: int,
    alive: int,
    seed: int,
) -> pl.DataFrame:
    """Add INVIEW and CLICKED (lists of codes) to some clicks, rows of READER, ARTICLE and TIME.

    Each has up to `negatives` negatives; `alive` is in microseconds. Never drawn are an article
    before its publication, the clicked one itself, one that the reader had clicked by then, and the
    same one twice. Candidates are shuffled. A click for which nothing is found is left out. The
    same input gives the same draws.
    """
    past = _past(clicks, articles)
    lists = pl.lit([], dtype=pl.List(pl.UInt32))
    parts = [chosen.clear().with_columns(lists.alias(INVIEW), lists.alias(CLICKED))]
    for start in range(0, len(chosen), _ROWS):
        part = chosen[start : start + _ROWS]
        generator = np.random.default_rng([seed, start])
        drawn = _draw(past, part, negatives, _TRIES, alive, generator)
        few = np.flatnonzero((drawn < 0).any(axis=1))
        drawn[few] = _draw(past, part[few], negatives, _MORE_TRIES, alive, generator)
        parts.append(part.with_columns(_shuffled(part[ARTICLE].to_numpy(), drawn, generator)))
    made = pl.concat(parts)
    usable = made.filter(pl.col(INVIEW).list.len() > 1)
    summary.count(MADE, "without another article alive", len(made) - len(usable))
    return usable


def _past(clicks: Clicks, articles: OwnArticles) -> _Past:
    published = articles.table[PUBLISHED].fill_null(np.iinfo(np.int64).min).to_numpy()
    in_time = clicks.times.argsort(kind="stable")
    pairs = clicks.readers.astype(np.int64) * len(published) + clicks.articles
    by_pair = pairs.argsort(kind="stable")
    return _Past(
        times=clicks.times[in_time],
        articles=clicks.articles[in_time],
        published=published,
        pairs=pairs[by_pair],
        pair_times=clicks.times[by_pair],
    )


def _draw(
    past: _Past,
    clicks: pl.DataFrame,
    wanted: int,
    tries: int,
    alive: int,
    generator: np.random.Generator,
) -> np.ndarray:
    """Draw `tries * wanted` times for each of M clicks, and give what of it can be used.

    Codes (M, wanted) as int64, -1 at the end of a row that has too few.
    """
    times, readers = clicks[TIME].to_numpy(), clicks[READER].to_numpy().astype(np.int64)
    ends = np.searchsorted(past.times, times)
    first = np.maximum(np.searchsorted(past.times, times - alive), ends - _RECENT * wanted)
    sizes = ends - first
    shares = generator.random((len(clicks), tries * wanted))
    spots = first[:, None] + (shares * sizes[:, None]).astype(np.int64)
    # A stretch may be empty, at the very end too: what is drawn of it is refused below.
    drawn = past.articles[spots.clip(max=len(past.times) - 1)].astype(np.int64)
    pairs = readers[:, None] * len(past.published) + drawn
    found = np.searchsorted(past.pairs, pairs).clip(max=len(past.pairs) - 1)
    is_known = (past.pairs[found] == pairs) & (past.pair_times[found] <= times[:, None])
    usable = (sizes > 0)[:, None] & ~is_known & (past.published[drawn] <= times[:, None])
    usable &= _is_first(drawn)
    number = usable.cumsum(axis=1)
    row, column = np.nonzero(usable & (number <= wanted))
    kept = np.full((len(clicks), wanted), -1, dtype=np.int64)
    kept[row, number[row, column] - 1] = drawn[row, column]
    return kept


def _is_first(codes: np.ndarray) -> np.ndarray:
    """Mark in each row of codes (M, T) the first of those that are equal."""
    order = codes.argsort(axis=1, kind="stable")
    ordered = np.take_along_axis(codes, order, axis=1)
    is_new = np.ones(codes.shape, dtype=bool)
    is_new[:, 1:] = ordered[:, 1:] != ordered[:, :-1]
    marked = np.empty_like(is_new)
    np.put_along_axis(marked, order, is_new, axis=1)
    return marked


def _shuffled(
    clicked: np.ndarray, drawn: np.ndarray, generator: np.random.Generator
) -> list[pl.Series]:
    """Put each click (M,) among its negatives (M, wanted), -1 for none, at a place drawn for it."""
    candidates = np.concatenate([clicked[:, None].astype(np.int64), drawn], axis=1)
    keys = generator.random(candidates.shape)
    order = np.where(candidates < 0, np.inf, keys).argsort(axis=1)
    shuffled = np.take_along_axis(candidates, order, axis=1).clip(min=0).astype(np.uint32)
    sizes = (candidates >= 0).sum(axis=1)
    return [
        as_lists(shuffled, sizes).alias(INVIEW),
        as_lists(clicked[:, None], np.ones_like(sizes)).alias(CLICKED),
    ]
