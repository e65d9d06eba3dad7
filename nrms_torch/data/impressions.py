"""Impressions as flat arrays of article-table rows: what training and evaluation index into."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

# Looked at together: what is derived from the arrays takes memory for a part, not for all.
IMPRESSIONS_PER_PART = 65_536
SORTED_TOGETHER = 2**21


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
        unusable = np.zeros(len(self), dtype=bool)
        if self.labels is not None:
            for start, sizes, labels in self._parts(self.labels):
                unusable[start : start + len(sizes)] = _unusable(sizes, labels)
        return unusable

    @cached_property
    def skipped(self) -> int:
        """How many impressions are unusable."""
        return int(self.unusable().sum())

    @cached_property
    def usable_clicks(self) -> tuple[np.ndarray, np.ndarray]:
        """Give the clicks of usable impressions: whose each is, and which of all candidates.

        (R,) int32 and (R,) int64, in the order shown. Raises ValueError without labels.
        """
        parts = list(self.usable_click_parts())
        impressions, clicks = zip(*parts, strict=True) if parts else ((), ())
        return (
            np.concatenate([np.zeros(0, dtype=np.int32), *impressions]),
            np.concatenate([np.zeros(0, dtype=np.int64), *clicks]),
        )

    @cached_property
    def by_history(self) -> tuple[np.ndarray, np.ndarray]:
        """Give the impressions of each history: those of h are `order[ends[h]:ends[h + 1]]`.

        `order` (I,) int32 keeps the split's order within a history; `ends` is (P + 1,) int64.
        """
        ends = self.history_ends()
        parts = self.history_order_parts(ends)
        return np.concatenate([np.zeros(0, dtype=np.int32), *parts]), ends

    def candidate_positions(self, impressions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Give where the candidates of `impressions` (B,) are, one after the other.

        Positions are flat, and those of the b-th impression are `offsets[b]` to `offsets[b + 1]`
        of the (B + 1,) offsets.
        """
        starts = self.offsets[impressions]
        sizes = self.offsets[impressions + 1] - starts
        offsets = np.concatenate([[0], np.cumsum(sizes)])
        return np.repeat(starts - offsets[:-1], sizes) + np.arange(offsets[-1]), offsets

    def usable_click_parts(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield `usable_clicks` in parts; ValueError without labels."""
        if self.labels is None:
            raise ValueError("training rows need labels")
        for start, sizes, labels in self._parts(self.labels):
            owner = np.repeat(np.arange(len(sizes), dtype=np.int32), sizes)
            clicks = np.flatnonzero(labels & ~_unusable(sizes, labels)[owner])
            yield owner[clicks] + np.int32(start), clicks + self.offsets[start]

    def history_ends(self) -> np.ndarray:
        """Count the impressions of each history, and of all before it, as (P + 1,) int64."""
        ends = np.zeros(len(self.histories) + 1, dtype=np.int64)
        for start in range(0, len(self), SORTED_TOGETHER):
            part = self.history_index[start : start + SORTED_TOGETHER]
            ends[1:] += np.bincount(part, minlength=len(self.histories))
        return ends.cumsum()

    def history_order_parts(self, ends: np.ndarray) -> Iterator[np.ndarray]:
        """Yield the order of `by_history` in parts: some histories in each, sorted together."""
        first = 0
        while first < len(self.histories):
            fitting = np.searchsorted(ends, ends[first] + SORTED_TOGETHER, side="right") - 1
            last = max(first + 1, int(fitting))
            if last == first + 1:
                yield from self._of_histories(first, last)  # in order already, and perhaps many
            else:
                found = np.concatenate(list(self._of_histories(first, last)))
                yield found[self.history_index[found].argsort(kind="stable")]
            first = last

    def _of_histories(self, first: int, last: int) -> Iterator[np.ndarray]:
        """Find the impressions with histories `first` to `last` - 1."""
        yield np.zeros(0, dtype=np.int32)
        for start in range(0, len(self), SORTED_TOGETHER):
            part = self.history_index[start : start + SORTED_TOGETHER]
            yield np.flatnonzero((part >= first) & (part < last)).astype(np.int32) + np.int32(start)

    def _parts(self, labels: np.ndarray) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
        """Yield stretches of impressions: the first, all their sizes, and all their labels."""
        for start in range(0, len(self), IMPRESSIONS_PER_PART):
            offsets = self.offsets[start : start + IMPRESSIONS_PER_PART + 1]
            yield start, np.diff(offsets), labels[offsets[0] : offsets[-1]]


def _unusable(sizes: np.ndarray, labels: np.ndarray) -> np.ndarray:
    total = np.concatenate([[0], np.cumsum(labels, dtype=np.int64)])
    clicks = np.diff(total[np.concatenate([[0], np.cumsum(sizes)])])
    return (clicks == 0) | (clicks == sizes)
