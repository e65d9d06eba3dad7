"""The metrics on arrays, as the server uses them: shapes, types, skipped impressions, mistakes."""

import numpy as np
import pytest

from nrms_torch.errors import InputError
from nrms_torch.evaluation import metrics

NAMES = ["auc", "mrr", "reciprocal_rank", "ndcg@5", "ndcg@10"]
# Sound, no click, nothing but clicks, empty, sound.
SCORES = np.array([0.3, 0.2, 0.1, 0.5, 0.4, 0.9, 0.8, 0.7, 0.6])
LABELS = np.array([1, 0, 0, 0, 0, 1, 1, 0, 1])
OFFSETS = np.array([0, 3, 5, 7, 7, 9])


def test_each_impression_has_a_number_or_is_skipped():
    values = metrics.per_impression(SCORES, LABELS, OFFSETS)
    assert list(values) == NAMES == list(metrics.NAMES)
    second = 1 / np.log2(3)
    expected = {"auc": 0, "mrr": 0.5, "reciprocal_rank": 0.5, "ndcg@5": second, "ndcg@10": second}
    for name, value in values.items():
        assert (value.dtype, value.shape) == (np.float64, (5,))
        np.testing.assert_array_equal(value, [1, np.nan, np.nan, np.nan, expected[name]])


def test_labels_may_be_booleans():
    expected = metrics.per_impression(SCORES, LABELS, OFFSETS)
    for name, value in metrics.per_impression(SCORES, LABELS == 1, OFFSETS).items():
        np.testing.assert_array_equal(value, expected[name])


def test_the_means_are_over_what_is_not_skipped():
    values = metrics.per_impression(SCORES, LABELS, OFFSETS)
    means = metrics.means(values)
    assert list(means) == NAMES
    assert means["auc"] == 0.5
    assert means["mrr"] == 0.75
    assert means["ndcg@5"] == (1 + 1 / np.log2(3)) / 2
    assert all(type(mean) is float for mean in means.values())


def test_the_means_over_nothing_are_nan():
    for scores, labels, offsets in (([], [], [0]), ([0.5], [1], [0, 1]), ([], [], [0, 0, 0])):
        values = metrics.per_impression(
            np.array(scores, dtype=float), np.array(labels, dtype=int), np.array(offsets)
        )
        means = metrics.means(values)
        assert list(means) == NAMES
        assert all(np.isnan(mean) for mean in means.values())


def test_each_candidate_has_its_impression():
    assert metrics.impression_of(OFFSETS).tolist() == [0, 0, 0, 1, 1, 2, 2, 4, 4]
    assert metrics.impression_of(np.array([0])).tolist() == []


def test_ndcg_is_cut_at_its_k_and_no_rank_before():
    scores = -np.arange(12.0)
    for rank in range(1, 13):
        labels = np.arange(12) == rank - 1
        values = metrics.per_impression(scores, labels, np.array([0, 12]))
        for k in (5, 10):
            expected = 1 / np.log2(rank + 1) if rank <= k else 0
            assert values[f"ndcg@{k}"][0] == pytest.approx(expected, abs=1e-15)
        assert values["auc"][0] == pytest.approx((12 - rank) / 11, abs=1e-15)


def test_a_tie_ends_with_its_impression():
    scores, labels = np.array([0.5, 0.5, 0.5, 0.5]), np.array([1, 0, 0, 1])
    values = metrics.per_impression(scores, labels, np.array([0, 2, 4]))
    assert values["auc"].tolist() == [0.5, 0.5]
    assert metrics.ranks(scores, np.array([0, 2, 4])).tolist() == [2, 1, 2, 1]


def test_sums_of_many_ties_stay_exact():
    """Midranks are doubled, so that half a rank never meets a rounding."""
    number = 100_001
    labels = np.zeros(number, dtype=int)
    labels[: number // 2] = 1
    values = metrics.per_impression(np.zeros(number), labels, np.array([0, number]))
    assert values["auc"].tolist() == [0.5]


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64])
def test_ranks_are_whole_numbers_of_any_scores(kind):
    ranked = metrics.ranks(SCORES.astype(kind), OFFSETS)
    assert ranked.dtype == np.int64
    assert ranked.tolist() == [1, 2, 3, 1, 2, 1, 2, 1, 2]


@pytest.mark.parametrize(
    ("check", "told"),
    [
        (
            lambda: metrics.check_offsets(np.array([0, 2, 1, 3]), 3),
            "offsets: expected one flat list that rises from 0 to 3, the number of candidates, "
            "got 4 values of shape (4,)",
        ),
        (
            lambda: metrics.check_offsets(np.array([[0], [3]]), 3),
            "offsets: expected one flat list that rises from 0 to 3, the number of candidates, "
            "got 2 values of shape (2, 1)",
        ),
        (
            lambda: metrics.check_scores(np.zeros((2, 1))),
            "scores: expected one flat list, got shape (2, 1)",
        ),
        (
            lambda: metrics.check_scores(np.array([np.nan, 1, np.inf])),
            "scores: 1 of 3 are NaN, expected a number for every candidate",
        ),
        (
            lambda: metrics.check_labels(np.array([1, 0]), 3),
            "labels: expected shape (3,), one a candidate, got (2,)",
        ),
        (
            lambda: metrics.check_labels(np.array([1, 0.5, -1]), 3),
            "labels: 2 of 3 are neither 0 nor 1",
        ),
    ],
)
def test_a_mistake_is_told_with_what_was_expected(check, told):
    with pytest.raises(InputError) as refused:
        check()
    assert str(refused.value) == told


def test_what_is_sound_is_not_refused():
    metrics.check_offsets(np.array([0]), 0)
    metrics.check_offsets(np.array([0, 0, 2, 2]), 2)
    metrics.check_scores(np.array([-np.inf, np.inf]))
    metrics.check_scores(np.array([]))
    metrics.check_labels(np.array([0, 1.0]), 2)
    metrics.check_labels(np.array([True]), 1)
