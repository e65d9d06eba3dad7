"""What the generated news site shows when: menus of articles to draw from, and the time of day."""

from dataclasses import dataclass

import numpy as np

from nrms_torch.data.demo.world import (
    DAY,
    STYLES,
    TOPICS,
    WORLD_DAYS,
    Articles,
    Floats,
    Integers,
    random_stream,
)

SLOT = 3 * 3600  # seconds for which a menu stands
SLOTS = WORLD_DAYS * DAY // SLOT
CELLS = TOPICS * STYLES  # a slot's articles by topic and style
# Readers of each hour of the day, relative: a quiet night, a morning and an evening peak.
HOURS = (1, 1, 2, 6, 10, 14, 15, 13, 11, 10, 11, 11, 11, 10, 11, 11, 11, 13, 14, 14, 13, 9, 4, 2)


@dataclass(frozen=True)
class Menu:
    """Articles to draw from, by group: group g is entries starts[g]:starts[g + 1].

    `article` (E,) are rows of Articles; `cumulative` (E,) is g plus the share of the group's
    weight up to and with the entry. `guide` (E,) cuts a group of n entries into n equal parts of
    its weight and tells where each begins: the search for an entry starts there.
    """

    article: Integers
    cumulative: Floats
    guide: Integers
    starts: Integers

    @classmethod
    def build(cls, article: Integers, group: Integers, weight: Floats, groups: int) -> "Menu":
        """A menu from entries that are sorted by group."""
        starts = np.searchsorted(group, np.arange(groups + 1))
        total = np.concatenate([[0.0], np.cumsum(weight)])
        before, after = total[starts[group]], total[starts[group + 1]]
        cumulative = group + (total[1:] - before) / (after - before)
        part = np.arange(len(group)) - starts[group]
        parts = group + part / np.diff(starts)[group]
        guide = np.searchsorted(cumulative, parts, side="right").astype(np.int32)
        return cls(article.astype(np.int32), cumulative, guide, starts)

    def find(self, group: Integers, position: Floats) -> Integers:
        """The entry at a position in [0, 1) of a group's weight; an empty group passes it on.

        A few steps from the guide: several times faster than a binary search of a large menu.
        """
        key = group + position
        first = self.starts[group]
        part = first + (position * (self.starts[group + 1] - first)).astype(np.int64)
        entry = self.guide[np.minimum(part, len(self.guide) - 1)].astype(np.int64)
        behind = np.flatnonzero(self.cumulative[entry] <= key)
        while len(behind):
            entry[behind] += 1
            behind = behind[self.cumulative[entry[behind]] <= key[behind]]
        return entry

    def pick_distinct(self, group: Integers, sizes: Integers, rng: np.random.Generator) -> Integers:
        """For each i, sizes[i] different entries of group[i], likelier by weight; flat (Σ sizes,).

        One entry is drawn from each of sizes[i] equal parts of the weight: draws that meet in one
        entry are neighbours, and moving on by one entry parts them.
        """
        rows, place = ragged(sizes)
        spread = (place + rng.random(len(place))) / sizes[rows]
        entry = self.find(group[rows], spread)
        apart = rows * len(self.article)  # lets one running maximum serve all rows
        entry = np.maximum.accumulate(entry - place + apart) - apart + place
        return np.minimum(entry, (self.starts[group + 1] - sizes)[rows] + place)


@dataclass(frozen=True)
class Exposure:
    """`front_page` has a group for each slot, `by_taste` one for each slot and cell.

    A cell is topic * STYLES + style; an article is listed under both of its topics.
    """

    front_page: Menu
    by_taste: Menu


def make_exposure(seed: int, articles: Articles) -> Exposure:
    """List every article from the slot after its publication until four lifetimes later."""
    rng = random_stream(seed, "exposure")
    first = np.floor(articles.published / SLOT).astype(np.int64) + 1
    last = np.floor((articles.published + 4 * articles.lifetime) / SLOT).astype(np.int64) + 1
    first, last = np.clip(first, 0, SLOTS), np.clip(last, 0, SLOTS)
    article, place = ragged(np.maximum(last - first, 0))
    slot = first[article] + place
    # A random order within the slot, so that no two articles always stand side by side.
    order = np.argsort(slot + rng.random(len(slot)))
    article, slot = article[order], slot[order]
    age = slot * SLOT - articles.published[article]
    weight = articles.prominence[article] * np.exp(-age / articles.lifetime[article])
    front_page = Menu.build(article, slot, weight, SLOTS)

    topic = np.concatenate([articles.main[article], articles.second[article]])
    share = np.concatenate([articles.share[article], 1 - articles.share[article]])
    twice = np.tile(article, 2)
    cell = np.tile(slot, 2) * CELLS + topic * STYLES + articles.style[twice]
    drawn = np.tile(weight, 2) * share * articles.appeal[twice]
    order = np.argsort(cell, kind="stable")
    by_taste = Menu.build(twice[order], cell[order], drawn[order], SLOTS * CELLS)
    return Exposure(front_page, by_taste)


def ragged(sizes: Integers) -> tuple[Integers, Integers]:
    """Row and place in the row of every item of rows with these sizes; both (Σ sizes,)."""
    rows = np.repeat(np.arange(len(sizes)), sizes)
    starts = np.cumsum(sizes) - sizes
    return rows, np.arange(len(rows)) - starts[rows]


def time_of(fraction: Floats, start_day: int, days: int) -> Integers:
    """The second at which a fraction in [0, 1) of the readers of these days has come; monotone."""
    day = np.floor(fraction * days)
    profile = np.cumsum((0, *HOURS)) / sum(HOURS)
    hour = np.interp(fraction * days - day, profile, np.arange(25))
    return ((start_day + day) * DAY + hour * 3600).astype(np.int64)
