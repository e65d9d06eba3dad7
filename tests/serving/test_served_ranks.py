"""Order by score against torch's own ranks, ties included."""

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from nrms_torch.evaluation.ranking import ranks as torch_ranks
from nrms_torch.serving.ranking import best, ranks

# Few distinct scores, so that ties are the rule.
lists = st.lists(st.integers(-2, 2).map(float), max_size=12)


@settings(deadline=None)
@given(st.lists(lists, max_size=8))
def test_ranks_are_those_of_evaluation(impressions):
    scores = np.array([score for scores in impressions for score in scores], dtype=np.float32)
    offsets = np.cumsum([0, *map(len, impressions)])
    expected = torch_ranks(torch.from_numpy(scores), torch.from_numpy(offsets))
    np.testing.assert_array_equal(ranks(scores, offsets), expected)


@settings(deadline=None)
@given(lists, st.integers(1, 14))
def test_the_best_are_the_first_of_all_in_order(scores, k):
    order = sorted(range(len(scores)), key=lambda place: (scores[place], place), reverse=True)
    assert best(np.array(scores, dtype=np.float32), k).tolist() == order[:k]
