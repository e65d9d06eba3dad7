"""Intervals by the bootstrap: as wide as theory says, paired where columns are, repeatable."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nrms_torch.evaluation.intervals import GROUPS, bootstrap


def normal(impressions, columns=1, seed=0):
    return np.random.default_rng(seed).normal(0.6, 0.3, (impressions, columns))


@pytest.mark.parametrize("impressions", [200, 3_000, 10 * GROUPS + 7])
def test_the_interval_is_as_wide_as_the_normal_distribution_says(impressions):
    values = normal(impressions)
    ((mean, low, high),) = bootstrap(values, draws=4_000)
    assert mean == pytest.approx(values.mean(), abs=1e-12)
    half = 1.96 * values.std() / math.sqrt(impressions)
    assert [mean - low, high - mean] == pytest.approx([half, half], rel=0.1)


def test_about_95_of_100_intervals_hold_the_truth():
    held = 0
    for seed in range(200):
        ((_, low, high),) = bootstrap(normal(300, seed=seed), draws=400, seed=seed)
        held += low <= 0.6 <= high
    # 190 expected; a count this far out comes once in some thousand tries.
    assert 178 <= held <= 199


def test_a_paired_interval_is_narrower_than_two_that_do_not_know_of_each_other():
    one = normal(1_000)[:, 0]
    other = one - 0.01 + np.random.default_rng(1).normal(0, 0.02, 1_000)
    first, _, difference = bootstrap(np.stack([one, other, one - other], axis=1))
    assert difference.low > 0
    assert first.high - first.low > 5 * (difference.high - difference.low)
    assert difference.mean == pytest.approx((one - other).mean(), abs=1e-12)


def test_columns_are_drawn_alike():
    one = normal(5_000)[:, 0]
    both = bootstrap(np.stack([one, 2 * one], axis=1))
    assert both[1] == pytest.approx([2 * end for end in both[0]], abs=1e-12)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=40))
@settings(deadline=None)
def test_the_interval_lies_within_the_values_and_holds_their_mean(values):
    ((mean, low, high),) = bootstrap(np.array(values)[:, None], draws=200)
    slack = 1e-9
    assert min(values) - slack <= low <= high <= max(values) + slack
    if len(values) > 1 and len(set(values)) > 1 and len(values) > 20:
        assert low <= mean <= high
    assert bootstrap(np.array(values)[:, None], draws=200)[0] == (mean, low, high)
