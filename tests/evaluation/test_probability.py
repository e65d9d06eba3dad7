"""Probability metrics against recorded numbers, sklearn and slow obvious loops."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from impression_lists import expect_each, flat, generated, impressions, recorded_metrics, unhurried
from sklearn.metrics import f1_score, log_loss

from nrms_torch.errors import InputError
from nrms_torch.evaluation.probability import ProbabilityMetrics, per_impression


def slow_metrics(scores, labels):
    """The definitions, word for word."""
    clipped = [min(max(p, 1e-11), 1 - 1e-11) for p in scores]
    losses = [-math.log(p if y else 1 - p) for p, y in zip(clipped, labels, strict=True)]
    squares = [(p - y) ** 2 for p, y in zip(scores, labels, strict=True)]
    outcomes = [(p >= 0.5, y == 1) for p, y in zip(scores, labels, strict=True)]
    hits, misses = outcomes.count((True, True)), outcomes.count((False, True))
    return {
        "logloss": np.mean(losses),
        "rmse": math.sqrt(np.mean(squares)),
        "accuracy": np.mean([predicted == clicked for predicted, clicked in outcomes]),
        "f1": 2 * hits / (2 * hits + misses + outcomes.count((True, False))),
    }


def test_means_of_the_baseline_are_reproduced():
    recorded, lists = recorded_metrics()
    metric = ProbabilityMetrics()
    metric.update(*lists)
    measured = metric.compute()
    for name in ("logloss", "rmse", "accuracy", "f1"):
        assert float(measured[name]) == pytest.approx(recorded["means"][name], rel=0, abs=1e-9)


@unhurried
@given(impressions)
def test_every_metric_equals_its_definition(lists):
    expect_each(ProbabilityMetrics, lists, slow_metrics)


def test_f1_and_logloss_equal_sklearns():
    scores, labels, offsets = generated(40)
    measured = per_impression(scores.numpy(), labels.numpy(), offsets.numpy())
    for row, skipped in enumerate(np.isnan(measured["f1"])):
        part = slice(offsets[row], offsets[row + 1])
        if not skipped:
            y, p = labels[part].numpy(), scores[part].numpy()
            f1 = f1_score(y, p >= 0.5, zero_division=0)
            assert float(measured["f1"][row]) == pytest.approx(f1, rel=0, abs=1e-12)
            loss = log_loss(y, p.clip(1e-11, 1 - 1e-11))
            assert float(measured["logloss"][row]) == pytest.approx(loss, rel=0, abs=1e-12)


@pytest.mark.parametrize(
    ("scores", "message"),
    [
        ([math.nan, 1, 0], "scores: 1 of 3 are NaN"),
        ([-0.5, 1, 1.5], "scores: 2 of 3 lie outside 0 to 1"),
    ],
)
def test_scores_that_are_no_probabilities_are_told_in_one_line(scores, message):
    _, labels, offsets = flat([[(0, 0), (0, 1), (0, 0)]])
    with pytest.raises(InputError, match=message):
        ProbabilityMetrics().update(torch.tensor(scores), labels, offsets)
