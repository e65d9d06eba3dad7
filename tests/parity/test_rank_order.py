"""Pairs of candidates that two sets of scores rank otherwise."""

from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from nrms_tf_reference.parity.rank_order import swapped_gaps

SCORE = st.integers(-3, 3).map(lambda tenths: np.float32(tenths / 10))
IMPRESSIONS = st.lists(st.lists(st.tuples(SCORE, SCORE), min_size=1, max_size=5), min_size=1)


def flat(impressions):
    pairs = [pair for impression in impressions for pair in impression]
    ours, theirs = (np.array(side, dtype=np.float32) for side in zip(*pairs, strict=True))
    return ours, theirs, np.cumsum([0, *map(len, impressions)])


def is_before(scores, one, other):
    """Whether `one`, the earlier of the two, ranks first: among equals the later does."""
    return scores[one] > scores[other]


@settings(deadline=None)
@given(IMPRESSIONS)
def test_every_swapped_pair_is_counted_with_the_larger_of_its_gaps(impressions):
    ours, theirs, offsets = flat(impressions)
    expected = [
        max(abs(ours[one] - ours[other]), abs(theirs[one] - theirs[other]))
        for first, end in pairwise(offsets)
        for one in range(first, end)
        for other in range(one + 1, end)
        if is_before(ours, one, other) != is_before(theirs, one, other)
    ]
    assert sorted(swapped_gaps(ours, theirs, offsets)) == sorted(expected)


def test_equal_scores_swap_nothing():
    scores = np.array([0.5, 0.5, 0.1, 0.9], dtype=np.float32)
    assert len(swapped_gaps(scores, scores.copy(), np.array([0, 3, 4]))) == 0


def test_candidates_of_different_impressions_are_no_pair():
    ours, theirs = np.array([1, 2], dtype=np.float32), np.array([2, 1], dtype=np.float32)
    assert len(swapped_gaps(ours, theirs, np.array([0, 1, 2]))) == 0
    assert swapped_gaps(ours, theirs, np.array([0, 2])).tolist() == [1]
