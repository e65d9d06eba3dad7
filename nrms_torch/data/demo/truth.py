"""The known answer of the generated data: how well a scorer can do, as per-impression AUC."""

import numpy as np
from numpy.typing import NDArray

from nrms_torch.data.demo.exposure import ragged
from nrms_torch.data.demo.world import Floats, Integers

RANDOM, POPULARITY, TASTE = "random", "popularity", "true_taste"


class Truth:
    """Running means, by split, of the AUC of chance, of popularity and of the true taste.

    Popularity is an article's clicks in train; it is not asked about train itself, where an
    impression's own click would be among them.
    """

    def __init__(self, articles: int) -> None:
        self._train_clicks = np.zeros(articles, dtype=np.int64)
        self._sums: dict[str, dict[str, float]] = {}
        self._counts: dict[str, dict[str, int]] = {}

    def add(
        self,
        split: str,
        article: Integers,
        clicked: NDArray[np.bool_],
        drawn: Floats,
        sizes: Integers,
        rng: np.random.Generator,
    ) -> None:
        """Count impressions, train before the others, given by their candidates, flat (Σ sizes,).

        `article` are rows of Articles, `drawn` the true attraction of each.
        """
        scores: dict[str, Floats | Integers] = {RANDOM: rng.random(len(article)), TASTE: drawn}
        if split == "train":
            clicks = np.bincount(article[clicked], minlength=len(self._train_clicks))
            self._train_clicks += clicks
        else:
            scores[POPULARITY] = self._train_clicks[article]
        sums = self._sums.setdefault(split, dict.fromkeys(scores, 0.0))
        for name, auc in impression_auc(scores, clicked, sizes).items():
            sums[name] += float(auc.sum())
        counts = self._counts.setdefault(
            split, dict.fromkeys(("impressions", "candidates", "clicks"), 0)
        )
        counts["impressions"] += len(sizes)
        counts["candidates"] += len(article)
        counts["clicks"] += int(clicked.sum())

    def report(self) -> dict[str, dict[str, object]]:
        """For each split its counts and the mean AUC of each scorer."""
        return {
            split: {
                **counts,
                "auc": {
                    name: total / counts["impressions"]
                    for name, total in sorted(self._sums[split].items())
                },
            }
            for split, counts in self._counts.items()
        }


def impression_auc(
    scores: dict[str, Floats | Integers], clicked: NDArray[np.bool_], sizes: Integers
) -> dict[str, Floats]:
    """AUC (B,) of each scorer on impressions with a click and a non-click; ties count one half.

    Scores and clicks are flat (Σ sizes,).
    """
    positive = np.flatnonzero(clicked)
    impression = np.repeat(np.arange(len(sizes)), sizes)[positive]
    pair, place = ragged(sizes[impression])
    negative = (np.cumsum(sizes) - sizes)[impression][pair] + place
    pair, negative = pair[~clicked[negative]], negative[~clicked[negative]]
    positive, impression = positive[pair], impression[pair]
    pairs = np.bincount(impression, minlength=len(sizes))
    aucs = {}
    for name, score in scores.items():
        above, below = score[positive], score[negative]
        won = (above > below) + 0.5 * (above == below)
        aucs[name] = np.bincount(impression, won, minlength=len(sizes)) / pairs
    return aucs
