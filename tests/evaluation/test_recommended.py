"""Beyond accuracy of a whole split is that of its impressions, one by one."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from impression_lists import unhurried

from nrms_torch.data.impressions import Impressions
from nrms_torch.evaluation import beyond_accuracy as one_list
from nrms_torch.evaluation.article_vectors import DenseVectors, TitleVectors
from nrms_torch.evaluation.diversity import diversified
from nrms_torch.evaluation.recommended import beyond_accuracy, diversity_curve, first_k

ARTICLES, READERS, IMPRESSIONS, K = 30, 6, 40, 3


@pytest.fixture
def impressions():
    rng = np.random.default_rng(0)
    sizes = rng.integers(1, 8, IMPRESSIONS)
    offsets = np.concatenate([[0], sizes.cumsum()])
    histories = rng.integers(1, ARTICLES, (READERS, 4), dtype=np.int32)
    histories[0] = 0
    histories[1, :2] = 0
    return Impressions(
        impression_ids=np.arange(IMPRESSIONS),
        history_index=rng.integers(0, READERS, IMPRESSIONS).astype(np.int32),
        histories=histories,
        offsets=offsets,
        candidates=rng.integers(0, ARTICLES, offsets[-1], dtype=np.int32),
        labels=rng.random(offsets[-1]) < 0.3,
        unknown_articles=0,
    )


def written_out(kind):
    """Vectors of articles, and the same as a matrix (R, W)."""
    rng = np.random.default_rng(1)
    if kind == "dense":
        vectors = DenseVectors(rng.normal(size=(ARTICLES, 5)).astype(np.float32))
        return vectors, vectors.units
    tokens = rng.integers(1, 12, (ARTICLES, 4), dtype=np.int32)
    tokens[5] = 1  # a title of nothing but padding
    vectors = TitleVectors.of_tokens(tokens, pad=1)
    matrix = np.zeros((ARTICLES, 12))
    for row in range(1, ARTICLES):
        np.add.at(matrix[row], vectors.tokens[row], vectors.weights[row])
    return vectors, matrix


@pytest.mark.parametrize("kind", ["dense", "titles"])
def test_a_split_is_measured_as_its_lists_are(impressions, kind):
    vectors, matrix = written_out(kind)
    rng = np.random.default_rng(2)
    scores = rng.random(len(impressions.candidates)).astype(np.float32)
    clicks = rng.integers(0, 9, ARTICLES).astype(np.float32)
    names = [f"c{row % 4}" if row % 7 else "" for row in range(ARTICLES)]
    found = beyond_accuracy(scores, impressions, vectors, k=K, clicks=clicks, categories=names)
    diversities, serendipities, listed = [], [], []
    for row in range(IMPRESSIONS):
        own = slice(impressions.offsets[row], impressions.offsets[row + 1])
        best = impressions.candidates[own][np.argsort(-scores[own])][:K]
        history = impressions.histories[impressions.history_index[row]]
        listed += [article for article in best if article]
        diversities.append(one_list.intralist_diversity(matrix[best]))
        serendipities.append(one_list.serendipity(matrix[best], matrix[history[history != 0]]))
    shares = (clicks + 1) / (clicks[1:] + 1).sum()
    in_view = len(set(impressions.candidates.tolist()) - {0})
    covered = one_list.coverage(listed, in_view)
    expected = {
        "intralist_diversity": np.nanmean(diversities),
        "serendipity": np.nanmean(serendipities),
        "coverage_count": covered.count,
        "coverage_fraction": covered.fraction,
        "novelty": one_list.novelty(shares[listed]),
        "index_of_dispersion": one_list.index_of_dispersion(
            [names[article] for article in listed if names[article]]
        ),
    }
    assert found == pytest.approx(expected, abs=1e-5)


def test_the_first_k_are_listed_best_first(impressions):
    scores = np.arange(len(impressions.candidates), dtype=np.float32)
    listed = first_k(scores, impressions, K)
    for row in range(IMPRESSIONS):
        own = impressions.candidates[impressions.offsets[row] : impressions.offsets[row + 1]]
        expected = own[::-1][:K].tolist()
        assert listed[row].tolist() == expected + [0] * (K - len(expected))


def test_more_diversity_mixes_more_and_ranks_worse(impressions):
    vectors, matrix = written_out("dense")
    scores = np.random.default_rng(3).random(len(impressions.candidates)).astype(np.float32)
    scores += 2 * impressions.labels
    curve = diversity_curve(scores, impressions, vectors, matrix, k=K)
    assert [point["diversity"] for point in curve] == sorted(p["diversity"] for p in curve)
    assert curve[0]["ndcg@10"] == max(point["ndcg@10"] for point in curve)
    assert curve[-1]["ndcg@10"] < curve[0]["ndcg@10"]
    assert curve[-1]["intralist_diversity"] > curve[0]["intralist_diversity"] + 0.1


def slow_choice(scores, vectors, k, diversity):
    """The definition, word for word."""
    unit = [v / (np.linalg.norm(v) or 1) for v in vectors]
    low, high = min(scores), max(scores)
    relevance = [(s - low) / (high - low) if high > low else 1 for s in scores]
    chosen = []
    while len(chosen) < min(k, len(scores)):
        worth = {
            place: (1 - diversity) * relevance[place]
            - diversity * max((unit[place] @ unit[other] for other in chosen), default=0)
            for place in range(len(scores))
            if place not in chosen
        }
        best = max(worth.values())
        # The higher score first, and of equals the later.
        ties = [place for place, value in worth.items() if value == best]
        chosen.append(max(ties, key=lambda place: (scores[place], place)))
    return chosen


@unhurried
@given(
    st.lists(st.integers(0, 6), min_size=1, max_size=12),
    st.integers(1, 5),
    st.sampled_from([0.0, 0.25, 0.5, 0.75]),
    st.randoms(use_true_random=False),
)
def test_articles_are_chosen_by_the_definition(scores, k, diversity, random):
    # Along the axes, so that cosines are whole numbers and ties are ties.
    axes = np.concatenate([np.eye(3), -np.eye(3), np.zeros((1, 3))])
    vectors = axes[[random.randrange(len(axes)) for _ in scores]]
    # The vectors are rows of a table that stands backwards.
    rows = np.arange(len(scores))[::-1]
    found = diversified(np.array(scores, dtype=np.float32), vectors[::-1], rows, k, diversity)
    assert found.tolist() == slow_choice(scores, vectors, k, diversity)
