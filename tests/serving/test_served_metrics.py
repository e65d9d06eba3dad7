"""Metrics without torch are those of evaluation."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from nrms_torch.data.impressions import Impressions
from nrms_torch.evaluation.ranking import RankingMetrics
from nrms_torch.serving.metrics import ranking_metrics

# Few distinct scores, so that there are ties; lists with no click and with nothing but clicks.
IMPRESSIONS = st.lists(
    st.lists(st.tuples(st.sampled_from([-2.0, 0.0, 0.5, 3.0]), st.booleans()), min_size=1),
    min_size=1,
    max_size=12,
)


def as_arrays(lists):
    flat = [pair for each in lists for pair in each]
    scores = np.array([score for score, _ in flat], dtype=np.float32)
    offsets = np.cumsum([0, *map(len, lists)])
    impressions = Impressions(
        impression_ids=np.arange(len(lists)),
        history_index=np.zeros(len(lists), dtype=np.int32),
        histories=np.zeros((1, 1), dtype=np.int32),
        offsets=offsets,
        candidates=np.zeros(len(flat), dtype=np.int32),
        labels=np.array([label for _, label in flat]),
        unknown_articles=3,
    )
    return scores, impressions


@given(IMPRESSIONS)
@settings(deadline=None)
def test_metrics_are_those_of_evaluation(lists):
    scores, impressions = as_arrays(lists)
    found = ranking_metrics(scores, impressions)
    metrics = RankingMetrics()
    metrics.update(
        torch.from_numpy(scores),
        torch.from_numpy(impressions.labels),
        torch.from_numpy(impressions.offsets),
    )
    assert found.pop("unknown_articles") == 3
    expected = {name: value.item() for name, value in metrics.compute().items()}
    assert found.keys() == expected.keys()
    for name, value in found.items():
        assert (np.nan if value is None else value) == pytest.approx(expected[name], nan_ok=True)
