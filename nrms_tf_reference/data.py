"""Impressions to features as the baseline's loader does it, in numpy and without any short cut.

Dimensions: B rows of training, H history length, C candidates, N candidates of all impressions of
a batch; an article is T token ids or a vector of W.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

ArticleId = int | str | None


class Batch(NamedTuple):
    """Features of histories (B, H, ·) and candidates (B, C, ·), labels (B, C) of 0 and 1."""

    history: np.ndarray
    candidates: np.ndarray
    labels: np.ndarray


@dataclass(frozen=True)
class Impression:
    """What a user had read, oldest first, and was shown, with 1 for each candidate clicked."""

    history: Sequence[ArticleId]
    candidates: Sequence[ArticleId]
    labels: Sequence[int]


class ArticleLookup:
    """Article ids to features: row 0 is the unknown article, known ones start at 1.

    Id 0, which pads histories, None and every id without features are the unknown article: zeros,
    or with `mean_for_unknown` the mean of all.
    """

    def __init__(
        self, features: Mapping[int | str, np.ndarray], *, mean_for_unknown: bool = False
    ) -> None:
        known = {id_: row for id_, row in features.items() if id_ != 0}
        rows = np.stack(list(known.values()))
        unknown = rows.mean(axis=0, dtype=rows.dtype) if mean_for_unknown else 0 * rows[0]
        self._table = np.concatenate([unknown[np.newaxis], rows])
        self._row_of: dict[ArticleId, int] = {id_: row for row, id_ in enumerate(known, start=1)}

    def __call__(self, ids: Sequence[Sequence[ArticleId]]) -> np.ndarray:
        """Look up equally long lists of ids: (B, C) to features (B, C, ·)."""
        return self._table[[[self._row_of.get(id_, 0) for id_ in row] for row in ids]]


def sample_training_rows(
    impressions: Sequence[Impression], npratio: int, seed: int
) -> list[Impression]:
    """Make a row of every click: it and `npratio` non-clicked of its impression, shuffled.

    The draws are with replacement and made once, before training. Where nothing was left unclicked
    the negatives are None, as in the baseline.
    """
    rng = np.random.default_rng(seed)
    rows = []
    for impression in impressions:
        shown = list(zip(impression.candidates, impression.labels, strict=True))
        negatives = [id_ for id_, label in shown if not label] or [None]
        for click in (id_ for id_, label in shown if label):
            drawn = [negatives[i] for i in rng.integers(len(negatives), size=npratio)]
            order = rng.permutation(1 + npratio)
            candidates = [[click, *drawn][i] for i in order]
            rows.append(Impression(impression.history, candidates, (order == 0).astype(int)))
    return rows


@dataclass(frozen=True)
class _Loader(ABC):
    """Batches of `batch_size` impressions in their order; the last may be smaller."""

    impressions: Sequence[Impression]
    lookup: ArticleLookup
    history_size: int
    batch_size: int

    def __len__(self) -> int:
        return -(-len(self.impressions) // self.batch_size)

    def __iter__(self) -> Iterator[Batch]:
        for start in range(0, len(self.impressions), self.batch_size):
            yield self._batch(self.impressions[start : start + self.batch_size])

    @abstractmethod
    def _batch(self, impressions: Sequence[Impression]) -> Batch:
        """Make the features and labels of one batch."""

    def _histories(self, impressions: Sequence[Impression]) -> np.ndarray:
        """Keep the last H ids of each history, pad at the left with 0: features (B, H, ·)."""
        last = [list(impression.history)[-self.history_size :] for impression in impressions]
        return self.lookup([[0] * (self.history_size - len(ids)) + ids for ids in last])


class TrainingLoader(_Loader):
    """Training rows, all with C candidates: histories (B, H, ·), candidates (B, C, ·)."""

    def _batch(self, impressions: Sequence[Impression]) -> Batch:
        return Batch(
            self._histories(impressions),
            self.lookup([impression.candidates for impression in impressions]),
            np.array([impression.labels for impression in impressions], dtype=np.float32),
        )


class EvaluationLoader(_Loader):
    """Every candidate is a row, one impression after another, and repeats its history.

    Histories are (N, H, ·), candidates (N, 1, ·), labels (N, 1).
    """

    def _batch(self, impressions: Sequence[Impression]) -> Batch:
        counts = [len(impression.candidates) for impression in impressions]
        return Batch(
            np.repeat(self._histories(impressions), counts, axis=0),
            self.lookup([[id_] for impression in impressions for id_ in impression.candidates]),
            np.concatenate([impression.labels for impression in impressions])
            .astype(np.float32)
            .reshape(-1, 1),
        )
