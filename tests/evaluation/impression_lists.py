"""What the tests of metrics share: recorded and generated impressions as flat lists."""

import json
from pathlib import Path

import numpy as np
import torch
from hypothesis import settings
from hypothesis import strategies as st

GOLDEN = Path(__file__).parents[1] / "golden"

# A first example may pay for a lazy import, which says nothing about the code.
unhurried = settings(deadline=None)

# Few distinct scores, so that ties are the rule; eighths are exact in float32.
impression = st.lists(
    st.tuples(st.integers(0, 8).map(lambda eighths: eighths / 8), st.integers(0, 1)), max_size=12
)
impressions = st.lists(impression, max_size=8)


def flat(lists):
    """Lists of (score, label) as scores, labels and offsets."""
    pairs = [pair for part in lists for pair in part]
    scores = torch.tensor([score for score, _ in pairs], dtype=torch.float64)
    labels = torch.tensor([label for _, label in pairs], dtype=torch.int64)
    return scores, labels, torch.tensor([0, *np.cumsum([len(part) for part in lists], dtype=int)])


def cut(scores, labels, offsets, start, stop):
    """Impressions start to stop as flat lists of their own."""
    part = offsets[start : stop + 1]
    return scores[part[0] : part[-1]], labels[part[0] : part[-1]], part - part[0]


def generated(number):
    """`number` impressions of 2 to 11 candidates with tied scores, some with no click."""
    rng = np.random.default_rng(0)
    offsets = np.cumsum([0, *rng.integers(2, 12, number)])
    scores = torch.from_numpy(rng.integers(0, 9, offsets[-1]) / 8)
    labels = torch.from_numpy(rng.integers(0, 3, offsets[-1]) // 2)
    return scores, labels, torch.from_numpy(offsets)


def recorded_metrics():
    """The baseline's numbers, and the impressions they were taken on as flat lists."""
    recorded = json.loads((GOLDEN / "metrics.json").read_text())
    pairs = zip(recorded["predictions"], recorded["labels"], strict=True)
    return recorded, flat([list(zip(*pair, strict=True)) for pair in pairs])


def expect_each(metric, lists, slow):
    """Hold a metric's values against `slow(scores, labels)` of each impression with a choice."""
    for dtype in (torch.float32, torch.float64):
        scores, labels, offsets = flat(lists)
        lists_of = [scores.to(dtype), labels, offsets]
        measured = metric.per_impression(*(tensor.numpy() for tensor in lists_of))
        assert set(measured) == set(metric.names)
        for row, part in enumerate(lists):
            values = {name: float(value[row]) for name, value in measured.items()}
            if len({label for _, label in part}) < 2:
                assert all(np.isnan(value) for value in values.values())
            else:
                expected = slow(*map(list, zip(*part, strict=True)))
                assert set(expected) == set(values)
                for name, value in expected.items():
                    np.testing.assert_allclose(values[name], value, rtol=0, atol=1e-12)
