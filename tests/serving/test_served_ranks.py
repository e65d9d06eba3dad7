"""The best k of scores are the first of their order, ties included."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from nrms_torch.serving.ranking import best

# Few distinct scores, so that ties are the rule.
lists = st.lists(st.integers(-2, 2).map(float), max_size=12)


@settings(deadline=None)
@given(lists, st.integers(1, 14))
def test_the_best_are_the_first_of_all_in_order(scores, k):
    order = sorted(range(len(scores)), key=lambda place: (scores[place], place), reverse=True)
    assert best(np.array(scores, dtype=np.float32), k).tolist() == order[:k]
