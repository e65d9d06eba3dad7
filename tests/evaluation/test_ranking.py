"""Ranks and ranking metrics against recorded numbers, sklearn and slow obvious loops."""

import json
import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from impression_lists import (
    GOLDEN,
    expect_each,
    flat,
    generated,
    impression,
    impressions,
    recorded_metrics,
    unhurried,
)
from sklearn.metrics import roc_auc_score

from nrms_torch.errors import InputError
from nrms_torch.evaluation.ranking import RankingMetrics, per_impression, ranks


def slow_ranks(scores):
    order = sorted(range(len(scores)), key=lambda i: (scores[i], i), reverse=True)
    return [order.index(i) + 1 for i in range(len(scores))]


def slow_metrics(scores, labels):
    """The definitions, word for word."""
    rank = slow_ranks(scores)
    best = slow_ranks(labels)
    clicked = [s for s, y in zip(scores, labels, strict=True) if y]
    passed = [s for s, y in zip(scores, labels, strict=True) if not y]
    wins = [1 if c > p else 0.5 if c == p else 0 for c in clicked for p in passed]
    hits = [1 / r for y, r in zip(labels, rank, strict=True) if y]

    def dcg(order, k):
        graded = zip(labels, order, strict=True)
        return sum((2**y - 1) / math.log2(r + 1) for y, r in graded if r <= k)

    return {
        "auc": sum(wins) / len(wins),
        "mrr": sum(hits) / len(hits),
        "reciprocal_rank": max(hits),
        "ndcg@5": dcg(rank, 5) / dcg(best, 5),
        "ndcg@10": dcg(rank, 10) / dcg(best, 10),
    }


def test_ranks_of_the_baseline_are_reproduced_with_their_ties():
    recorded, (scores, _, offsets) = recorded_metrics()
    expected = [rank for one in recorded["per_impression"] for rank in one["ranks"]]
    assert ranks(scores, offsets).tolist() == expected


def test_ranks_of_the_baseline_pipeline_are_reproduced():
    recorded = json.loads((GOLDEN / "pipeline.json").read_text())
    scores, _, offsets = flat([[(score, 0) for score in part] for part in recorded["scores"]])
    assert ranks(scores, offsets).tolist() == [rank for part in recorded["ranks"] for rank in part]


@pytest.mark.parametrize("name", ["auc", "mrr", "reciprocal_rank", "ndcg@5", "ndcg@10"])
def test_each_impression_of_the_baseline_is_reproduced(name):
    recorded, lists = recorded_metrics()
    expected = [one[name.replace("@", "")] for one in recorded["per_impression"]]
    np.testing.assert_allclose(per_impression(*lists)[name], expected, rtol=0, atol=1e-9)


def test_means_of_the_baseline_are_reproduced():
    recorded, lists = recorded_metrics()
    metric = RankingMetrics()
    metric.update(*lists)
    measured = metric.compute()
    for name in ("auc", "mrr", "ndcg@5", "ndcg@10"):
        assert float(measured[name]) == pytest.approx(recorded["means"][name], rel=0, abs=1e-9)


@unhurried
@given(impressions)
def test_ranks_equal_a_slow_sort_in_which_the_later_of_equals_is_first(lists):
    scores, _, offsets = flat(lists)
    expected = [rank for part in lists for rank in slow_ranks([score for score, _ in part])]
    assert ranks(scores, offsets).tolist() == expected


@unhurried
@given(impressions)
def test_every_metric_equals_its_definition(lists):
    expect_each(RankingMetrics, lists, slow_metrics)


def test_the_ideal_of_ndcg_is_cut_at_k():
    scores, labels, offsets = flat([[(1 - place / 8, place < 6) for place in range(8)]])
    assert per_impression(scores, labels.long(), offsets)["ndcg@5"].tolist() == [1.0]


def test_auc_equals_sklearns_on_tied_scores():
    scores, labels, offsets = generated(60)
    for row, value in enumerate(per_impression(scores, labels, offsets)["auc"]):
        part = slice(offsets[row], offsets[row + 1])
        if not value.isnan():
            expected = roc_auc_score(labels[part], scores[part])
            assert float(value) == pytest.approx(expected, rel=0, abs=1e-12)


@unhurried
@given(impression, st.randoms(use_true_random=False))
def test_auc_does_not_depend_on_the_order_of_candidates(part, random):
    shuffled = random.sample(part, len(part))
    measured = per_impression(*flat([part, shuffled]))["auc"]
    np.testing.assert_array_equal(measured[0], measured[1])


@unhurried
@given(impressions)
def test_ranks_do_not_change_under_a_rising_transform_of_the_scores(lists):
    scores, _, offsets = flat(lists)
    assert torch.equal(ranks(torch.exp(3 * scores) - 7, offsets), ranks(scores, offsets))


def test_ranks_hold_for_every_length_of_impression():
    rng = np.random.default_rng(0)
    sizes = rng.permutation([0, 1, 2, 3, 4, 5, 7, 8, 9, 16, 17, 250, 256, 257] * 3)
    offsets = torch.tensor([0, *np.cumsum(sizes)])
    scores = torch.from_numpy(rng.integers(-9, 9, sizes.sum())).float()
    scores[scores == -9] = -math.inf
    expected = [rank for part in scores.split(sizes.tolist()) for rank in slow_ranks(part.tolist())]
    assert ranks(scores, offsets).tolist() == expected


def test_infinite_scores_are_ranked_and_tie():
    scores = torch.tensor([-math.inf, math.inf, 0.0, math.inf])
    offsets = torch.tensor([0, 4])
    assert ranks(scores, offsets).tolist() == [4, 2, 3, 1]
    assert per_impression(scores, torch.tensor([0, 1, 0, 0]), offsets)["auc"].item() == 2.5 / 3


@pytest.mark.parametrize(
    ("scores", "labels", "offsets", "message"),
    [
        ([math.nan, 1, math.nan], [0, 1, 0], [0, 3], "scores: 2 of 3 are NaN"),
        ([[0], [1], [0]], [0, 1, 0], [0, 3], r"scores: .* shape \(3, 1\)"),
        ([0, 1, 0], [0, 2, 0], [0, 3], "labels: 1 of 3 are neither 0 nor 1"),
        ([0, 1, 0], [0, 1], [0, 3], r"labels: expected shape \(3,\)"),
        ([0, 1, 0], [0, 1, 0], [0, 2], "offsets: .* from 0 to 3"),
        ([0, 1, 0], [0, 1, 0], [1, 3], "offsets: .* from 0 to 3"),
        ([0, 1, 0], [0, 1, 0], [0, 2, 1, 3], "offsets: .* from 0 to 3"),
        ([0, 1, 0], [0, 1, 0], [], "offsets: .* from 0 to 3"),
    ],
)
def test_lists_that_cannot_be_ranked_are_told_in_one_line(scores, labels, offsets, message):
    scores, labels = torch.tensor(scores, dtype=torch.float32), torch.tensor(labels)
    with pytest.raises(InputError, match=message) as told:
        RankingMetrics().update(scores, labels, torch.tensor(offsets, dtype=torch.int64))
    assert "\n" not in str(told.value)
