"""What a ranking is, and its order: by score, and among equals the later candidate first."""

from dataclasses import dataclass, field

import numpy as np
import polars as pl

from nrms_torch.console import shown
from nrms_torch.data.impressions import Impressions
from nrms_torch.errors import InputError
from nrms_torch.fields import require_number
from nrms_torch.serving.articles import ArticleId, Snapshot


@dataclass(frozen=True)
class Ranking:
    """Articles best first, with their scores (dot products) as float32 (N,).

    `probabilities` (N,) are the scores as the probability of a click, None where the bundle has no
    calibration. `unknown_clicks` and `unknown_candidates` are the ids that the recommender lacks,
    once each: such a click counts as the unknown article, as in training; such a candidate is not
    ranked. `late` tells whether what everybody reads now is in the scores, see `Recommender.tell`.
    """

    article_ids: list[ArticleId]
    scores: np.ndarray
    probabilities: np.ndarray | None
    unknown_clicks: list[ArticleId]
    unknown_candidates: list[ArticleId]
    known: Snapshot = field(repr=False, compare=False)  # the articles at that moment
    late: bool = False

    @property
    def table(self) -> pl.DataFrame:
        """The ranking with titles and categories, a row an article."""
        rows = self.known.rows(self.article_ids)
        chances = self.probabilities
        return pl.DataFrame(
            {
                "article_id": self.article_ids,
                "title": [self.known.titles[row] for row in rows],
                "category": [self.known.categories[row] for row in rows],
                "score": self.scores,
                **({} if chances is None else {"chance": chances}),
            }
        )

    def __str__(self) -> str:
        return shown(self.table)

    def _repr_html_(self) -> str:
        return self.table._repr_html_()

    def __len__(self) -> int:
        return len(self.article_ids)


@dataclass(frozen=True)
class ImpressionScores:
    """Scores (dot products) and ranks, 1 the best, of all candidates of `impressions`, (N,) each.

    As in evaluation an unknown candidate scores as the unknown article; how many distinct ids were
    unknown is `impressions.unknown_articles`.
    """

    impressions: Impressions
    scores: np.ndarray
    ranks: np.ndarray


def best(scores: np.ndarray, k: int) -> np.ndarray:
    """Give the places of the k highest of scores (N,), best first; all where k ≥ N."""
    if k >= len(scores):
        return np.argsort(scores, kind="stable")[::-1]
    # All that equal the last one shown take part in the sort, so that the tie rule holds.
    least = np.partition(scores, -k)[-k]
    chosen = np.flatnonzero(scores >= least)
    return chosen[np.argsort(scores[chosen], kind="stable")[::-1][:k]]


def require_diversity(diversity: object, k: int | None) -> None:
    """Raise InputError for a `diversity` that no ranking of `k` articles can have."""
    require_number("diversity", diversity, least=0)
    assert isinstance(diversity, int | float)
    if diversity > 1:
        raise InputError(f"diversity: expected a number from 0 to 1, found {diversity}")
    if diversity and k is None:
        raise InputError("diversity: expected k with it, how many articles to choose")
