"""Generated behaviour: impressions with their clicks, and click histories, a part at a time."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import polars as pl
from numpy.typing import NDArray

from nrms_torch.data.demo.exposure import CELLS, SLOT, Exposure, ragged, time_of
from nrms_torch.data.demo.schema import BEHAVIORS_SCHEMA, HISTORY_SCHEMA
from nrms_torch.data.demo.truth import Truth
from nrms_torch.data.demo.world import (
    DAY,
    TASTE_FLOOR,
    WORLD_DAYS,
    Articles,
    Floats,
    Integers,
    Readers,
    attraction,
    random_stream,
)

EPOCH = datetime(2024, 1, 1)
HISTORY_DAYS = 21
CLICK_DAYS = 35  # the days that the histories of all splits cover
CHUNK = 50_000  # impressions made at a time
READERS_CHUNK = 2_048  # readers whose histories are made at a time
TWO_CLICKS = 0.006  # share of impressions
FRONT_PAGE = 0.7  # share of impressions that were not shown beside an article


@dataclass(frozen=True)
class World:
    """Everything that behaviour is drawn from."""

    seed: int
    articles: Articles
    readers: Readers
    exposure: Exposure


@dataclass(frozen=True)
class SplitPlan:
    """One split: its impressions, its readers (rows of Readers) and the day its week starts."""

    name: str
    impressions: int
    first_id: int
    readers: range
    start_day: int


def impression_tables(world: World, plan: SplitPlan, truth: Truth) -> Iterator[pl.DataFrame]:
    """behaviors.parquet in parts of CHUNK impressions in order of time; truth counts each part."""
    for start in range(0, plan.impressions, CHUNK):
        rng = random_stream(world.seed, "impressions", plan.name, start)
        number = np.arange(start, min(start + CHUNK, plan.impressions))
        B = len(number)
        time = time_of((number + rng.random(B)) / plan.impressions, plan.start_day, days=7)
        slot = time // SLOT
        visits = np.cumsum(world.readers.activity[plan.readers.start : plan.readers.stop])
        reader = plan.readers.start + np.searchsorted(
            visits, visits[-1] * rng.random(B), side="right"
        )

        menu = world.exposure.front_page
        sizes = 5 + rng.lognormal(np.log(3.6), 1.1, size=B).astype(np.int64)
        sizes = np.minimum(sizes, np.minimum(100, np.diff(menu.starts)[slot]))
        article = menu.article[menu.pick_distinct(slot, sizes, rng)]
        rows = np.repeat(np.arange(B), sizes)
        drawn = attraction(world.articles, world.readers, article, reader[rows])
        clicked = _click(drawn, sizes, rng)
        truth.add(plan.name, article, clicked, drawn, sizes, rng)

        beside = menu.article[menu.pick_distinct(slot, np.ones(B, dtype=np.int64), rng)]
        ids = world.articles.ids
        table = pl.DataFrame(
            {
                "impression_id": plan.first_id + number,
                "article_id": ids[beside],
                "impression_time": _datetime(time),
                "read_time": _read_time(rng, B),
                "scroll_percentage": _scroll(rng, B),
                "article_ids_inview": _lists(rows, {"ids": ids[article]})["ids"],
                "article_ids_clicked": _lists(rows[clicked], {"ids": ids[article[clicked]]})["ids"],
                # A reader's visits in a quarter of a day are one session.
                "session_id": reader * (4 * WORLD_DAYS) + time // (DAY // 4),
                "next_read_time": _read_time(rng, B),
                "next_scroll_percentage": _scroll(rng, B),
                "front_page": rng.random(B) < FRONT_PAGE,
            }
        ).with_columns(
            pl.when(~pl.col("front_page")).then(pl.col("article_id", "scroll_percentage"))
        )
        table = table.hstack(world.readers.profile[reader])
        yield table.select(pl.col(name).cast(dtype) for name, dtype in BEHAVIORS_SCHEMA.items())


def history_tables(world: World, plan: SplitPlan) -> Iterator[pl.DataFrame]:
    """history.parquet in parts of READERS_CHUNK readers: the clicks of the three weeks before.

    All splits look at the same clicks, each through its own window; they follow the same tastes as
    the clicks of impressions, but are others.
    """
    end = plan.start_day * DAY
    first_part = plan.readers.start // READERS_CHUNK * READERS_CHUNK
    for start in range(first_part, plan.readers.stop, READERS_CHUNK):
        rng = random_stream(world.seed, "history", start)
        length = world.readers.history_length[start : start + READERS_CHUNK]
        # Nine clicks in five weeks leave five to any three of them.
        clicks = np.maximum(length * CLICK_DAYS // HISTORY_DAYS, 9)
        row, place = ragged(clicks)
        time = time_of((place + rng.random(len(row))) / clicks[row], start_day=0, days=CLICK_DAYS)
        chance = rng.random((2, len(row)))
        read_time, scroll = _read_time(rng, len(row)), _scroll(rng, len(row))

        shown = (time >= end - HISTORY_DAYS * DAY) & (time < end)
        shown &= (start + row >= plan.readers.start) & (start + row < plan.readers.stop)
        reader, time = start + row[shown], time[shown]
        article = _wanted(world, reader, time // SLOT, chance[:, shown])
        table = _lists(
            reader,
            {
                "impression_time_fixed": _datetime(time),
                "scroll_percentage_fixed": scroll.filter(shown),
                "article_id_fixed": world.articles.ids[article],
                "read_time_fixed": read_time[shown],
            },
        )
        users = world.readers.profile["user_id"].gather(table["row"])
        yield table.with_columns(users).select(HISTORY_SCHEMA.keys())


def _wanted(world: World, reader: Integers, slot: Integers, chance: Floats) -> Integers:
    """The article that each reader, in ascending order, clicks in each slot (M,).

    `chance` (2, M) is uniform: it picks the cell by the reader's tastes, then the article.
    """
    readers = slice(reader[0], reader[-1] + 1)
    taste, style = world.readers.taste[readers], world.readers.style[readers]
    cells = ((TASTE_FLOOR + taste)[:, :, None] * style[:, None, :]).reshape(len(taste), CELLS)
    share = np.cumsum(cells, axis=1)
    share = np.arange(len(share))[:, None] + share / share[:, -1:]
    row = reader - reader[0]
    cell = np.searchsorted(share.ravel(), row + chance[0], side="right") - row * CELLS
    menu = world.exposure.by_taste
    entry = menu.find(slot * CELLS + cell, chance[1])
    return menu.article[np.minimum(entry, menu.starts[(slot + 1) * CELLS] - 1)]


def _click(drawn: Floats, sizes: Integers, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Click one candidate of each impression in proportion to its attraction, in a few two.

    The first of exponential waiting times is the softmax choice over log attractions.
    """
    wait = rng.standard_exponential(len(drawn)) / drawn
    clicked = np.zeros(len(drawn), dtype=bool)
    first = _argmin(wait, sizes)
    clicked[first] = True
    wait[first] = np.inf
    clicked[_argmin(wait, sizes)[rng.random(len(sizes)) < TWO_CLICKS]] = True
    return clicked


def _argmin(values: Floats, sizes: Integers) -> Integers:
    """Where each impression's smallest value stands in the flat array."""
    starts = np.cumsum(sizes) - sizes
    lowest = np.repeat(np.minimum.reduceat(values, starts), sizes)
    places = np.where(values == lowest, np.arange(len(values)), len(values))
    return np.minimum.reduceat(places, starts)


def _lists(row: Integers, columns: dict[str, object]) -> pl.DataFrame:
    """One row for each value of the ascending `row`, with the columns' values as lists."""
    flat = pl.DataFrame({"row": row, **columns})
    return flat.group_by(pl.col("row").set_sorted(), maintain_order=True).agg(pl.all())


def _datetime(second: Integers) -> pl.Series:
    epoch = np.datetime64(EPOCH, "us").astype(np.int64)
    return pl.Series(epoch + second * 1_000_000).cast(pl.Datetime("us"))


def _read_time(rng: np.random.Generator, count: int) -> NDArray[np.float32]:
    """Reading times in whole seconds, as long-tailed as the real ones."""
    seconds = 20 * np.exp(1.3 * rng.standard_normal(count, dtype=np.float32))
    return np.floor(np.minimum(seconds, 1_800))


def _scroll(rng: np.random.Generator, count: int) -> pl.Series:
    """Percentages of the page seen; half reached its end, one in ten is not known."""
    percent = pl.Series(rng.integers(10, 190, size=count), dtype=pl.Float32)
    return pl.select(pl.when(percent < 172).then(percent.clip(upper_bound=100))).to_series()
