"""What the first k of each impression are like beyond their clicks, for a whole split at once.

Definitions are those of `beyond_accuracy`; vectors are the articles' own, without any training.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from nrms_torch.data.datamodule import NewsDataModule
from nrms_torch.data.impressions import Impressions
from nrms_torch.evaluation.article_vectors import ArticleVectors, article_vectors
from nrms_torch.evaluation.baselines import train_clicks, train_impressions
from nrms_torch.evaluation.beyond_accuracy import coverage, index_of_dispersion, novelty
from nrms_torch.evaluation.diversity import diversified
from nrms_torch.evaluation.metrics import impression_of, means, per_impression, ranks
from nrms_torch.evaluation.shown_articles import shown_articles

DIVERSITIES = (0.0, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9)
_SAMPLE, _SEED = 1_000, 0  # impressions that the curve of diversity is made on


def first_k(scores: np.ndarray, impressions: Impressions, k: int) -> np.ndarray:
    """Give the article rows of each impression's best k, (I, k), 0 where it has fewer."""
    rank = ranks(scores, impressions.offsets)
    shown = rank <= k
    listed = np.zeros((len(impressions), k), dtype=np.int32)
    owner = impression_of(impressions.offsets)[shown]
    listed[owner, rank[shown] - 1] = impressions.candidates[shown]
    return listed


def measure_lists(
    scores: np.ndarray, news: np.ndarray, datamodule: NewsDataModule, split: str, k: int
) -> dict[str, Any]:
    """Measure the best k of each impression of a split by scores (N,), as JSON has it.

    That is `k`, what `beyond_accuracy` gives, and as `curve` what more diversity would give and
    cost, by the model's vectors `news` (R, D).
    """
    impressions, train = datamodule.impressions(split), train_impressions(datamodule)
    vectors = article_vectors(datamodule.table, datamodule.vocabulary)
    articles = shown_articles(datamodule)
    clicks = None
    if train is not None and train.labels is not None:
        clicks = train_clicks(train, len(datamodule.table.features))
    found = beyond_accuracy(
        scores,
        impressions,
        vectors,
        k=k,
        clicks=clicks,
        categories=None if articles is None else articles.categories,
    )
    return {"k": k, **found, "curve": diversity_curve(scores, impressions, vectors, news, k=k)}


def beyond_accuracy(
    scores: np.ndarray,
    impressions: Impressions,
    vectors: ArticleVectors,
    *,
    k: int,
    clicks: np.ndarray | None,
    categories: Sequence[str] | None,
) -> dict[str, float]:
    """Measure the best k candidates of each impression by scores (N,).

    `intralist_diversity` and `serendipity` are means over impressions, the latter over those of
    readers with a known click; `novelty` takes the share of train's `clicks` (R,) that an article
    has, one added to each; `coverage` counts the distinct articles among those in view;
    `index_of_dispersion` is of the `categories` (R,). Without clicks or categories there is no such
    value, and none where it is a mean over nothing.
    """
    listed = first_k(scores, impressions, k)
    flat = listed[listed != 0]
    in_view = np.unique(impressions.candidates)
    covered = coverage(flat, max(1, int(np.count_nonzero(in_view))))
    values = {
        **mixture(listed, np.arange(len(impressions)), impressions, vectors),
        "coverage_count": float(covered.count),
        "coverage_fraction": covered.fraction,
    }
    if clicks is not None:
        shares = (clicks + 1) / (clicks + 1)[1:].sum()
        values["novelty"] = novelty(shares[flat])
    if categories is not None:
        named = np.asarray(categories)[flat]
        values["index_of_dispersion"] = index_of_dispersion(named[named != ""])
    return {name: value for name, value in values.items() if not np.isnan(value)}


def mixture(
    listed: np.ndarray, chosen: np.ndarray, impressions: Impressions, vectors: ArticleVectors
) -> dict[str, float]:
    """Give intra-list diversity and serendipity of the lists (n, k) of the impressions `chosen`."""
    sizes = np.minimum(np.diff(impressions.offsets)[chosen], listed.shape[1])
    known = np.count_nonzero(impressions.histories, axis=1)[impressions.history_index[chosen]]
    pairs = sizes * (sizes - 1) / 2, sizes * known
    of_list, of_clicks = _cosine_sums(listed, chosen, impressions, vectors)
    found = {}
    sums = {"intralist_diversity": of_list, "serendipity": of_clicks}
    for (name, cosines), number in zip(sums.items(), pairs, strict=True):
        counted = number > 0
        distances = 1 - cosines[counted] / number[counted]
        found[name] = float(distances.mean()) if counted.any() else float("nan")
    return found


def diversity_curve(
    scores: np.ndarray,
    impressions: Impressions,
    vectors: ArticleVectors,
    news: np.ndarray,
    *,
    k: int,
) -> list[dict[str, float]]:
    """Give nDCG@10, diversity and serendipity of k articles chosen with more and more diversity.

    They are chosen as the server chooses, by the model's vectors `news` (R, D), from the candidates
    of a thousand impressions; those that are not chosen rank behind.
    """
    usable = np.flatnonzero(~impressions.unusable())
    generator = np.random.default_rng(_SEED)
    sample = np.sort(generator.choice(usable, min(_SAMPLE, len(usable)), replace=False))
    flat, offsets = impressions.candidate_positions(sample)
    assert impressions.labels is not None
    labels = impressions.labels[flat]
    curve = []
    for diversity in DIVERSITIES:
        listed = np.zeros((len(sample), k), dtype=np.int32)
        order = np.zeros(len(flat))
        for row, (start, stop) in enumerate(pairwise(offsets)):
            articles = impressions.candidates[flat[start:stop]]
            places = diversified(scores[flat[start:stop]], news, articles, k, diversity)
            order[start + places] = np.arange(len(places), 0, -1)
            listed[row, : len(places)] = articles[places]
        ndcg = means(per_impression(order, labels, offsets))["ndcg@10"]
        mixed = mixture(listed, sample, impressions, vectors)
        curve.append({"diversity": diversity, "ndcg@10": ndcg, **mixed})
    return curve


def _cosine_sums(
    listed: np.ndarray, chosen: np.ndarray, impressions: Impressions, vectors: ArticleVectors
) -> tuple[np.ndarray, np.ndarray]:
    """Sum the cosines of a list's pairs, and of its articles with the reader's clicks: (n,) each.

    The square of a sum of unit vectors is twice the sum over its pairs, and one for each vector.
    """
    n, k = listed.shape
    of_list, of_clicks = np.zeros(n), np.zeros(n)
    for start in range(0, n, vectors.users_at_once):
        part = slice(start, start + vectors.users_at_once)
        own = listed[part]
        owner = np.repeat(np.arange(len(own)), k)
        histories = impressions.histories[impressions.history_index[chosen[part]]]
        for sums, clicks in ((of_list, own), (of_clicks, histories)):
            dots = vectors.scores(vectors.users(clicks), owner, own.ravel())
            sums[part] = dots.reshape(-1, k).sum(axis=1)
        of_list[part] = (of_list[part] - vectors.has_length[own].sum(axis=1)) / 2
    return of_list, of_clicks
