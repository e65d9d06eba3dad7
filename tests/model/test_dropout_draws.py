"""Dropout by random bits: what it drops, what it keeps, and what decides."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from nrms_torch.model.dropout import Dropout


def test_outside_training_and_at_rate_0_nothing_changes():
    X = torch.randn(3, 5)
    assert torch.equal(Dropout(0.5).eval()(X), X)
    assert torch.equal(Dropout(0.0)(X), X)


@pytest.mark.parametrize("rate", [0.1, 0.2, 0.5, 0.9])
def test_the_rate_is_dropped_and_the_mean_is_kept(rate):
    torch.manual_seed(0)
    Y = Dropout(rate)(torch.ones(1000, 1000))
    share = (Y == 0).double().mean().item()
    # Five standard errors of a million draws.
    assert share == pytest.approx(rate, abs=5 * (rate * (1 - rate) / 1e6) ** 0.5)
    kept = Y[Y != 0].unique()
    assert kept.tolist() == pytest.approx([1 / (1 - rate)], rel=2e-4)


def test_neighbours_are_drawn_independently():
    torch.manual_seed(0)
    dropped = (Dropout(0.5)(torch.ones(1000, 1000)) == 0).double() - 0.5
    for lag in (1, 2, 3, 4, 8):
        correlation = 4 * (dropped[:, lag:] * dropped[:, :-lag]).mean().item()
        assert abs(correlation) < 6e-3, lag


@given(shape=st.lists(st.integers(0, 5), min_size=1, max_size=4), seed=st.integers(0, 99))
def test_any_shape_and_the_gradient_has_the_mask_of_the_output(shape, seed):
    torch.manual_seed(seed)
    X = torch.rand(shape).add_(1).requires_grad_()
    Y = Dropout(0.3)(X)
    assert Y.shape == X.shape
    Y.sum().backward()
    assert torch.allclose(X.grad * X, Y)


def test_a_seed_decides_the_draw():
    X = torch.ones(100)
    draws = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        draws.append(Dropout(0.5)(X))
    assert torch.equal(draws[0], draws[1])
    assert not torch.equal(draws[0], draws[2])
