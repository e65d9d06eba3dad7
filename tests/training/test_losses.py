"""The two losses against numpy in float64, and in half precision."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from nrms_torch.training.losses import LOSSES, cross_entropy_loss, log_loss

batch_sizes = {"rows": st.integers(1, 6), "columns": st.integers(1, 7), "seed": st.integers(0, 99)}


def batch(rows, columns, seed=0):
    """Dots (B, C) of about ±5 and labels (B, C), the click first."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.zeros(rows, columns)
    labels[:, 0] = 1
    return 5 * torch.randn(rows, columns, generator=generator), labels


@given(**batch_sizes)
@settings(deadline=None, max_examples=50)
def test_cross_entropy_is_minus_the_log_softmax_of_the_click_mean_over_rows(rows, columns, seed):
    dots, labels = batch(rows, columns, seed)
    x, y = dots.numpy().astype(np.float64), labels.numpy()
    softmax = np.exp(x) / np.exp(x).sum(axis=1, keepdims=True)
    expected = -(y * np.log(softmax)).sum() / rows
    assert cross_entropy_loss(dots, labels).item() == pytest.approx(expected, rel=1e-5, abs=1e-6)


@given(**batch_sizes)
@settings(deadline=None, max_examples=50)
def test_log_loss_is_the_binary_cross_entropy_of_the_sigmoid_mean_over_all(rows, columns, seed):
    dots, labels = batch(rows, columns, seed)
    x, y = dots.numpy().astype(np.float64), labels.numpy()
    sigmoid = 1 / (1 + np.exp(-x))
    expected = -(y * np.log(sigmoid) + (1 - y) * np.log(1 - sigmoid)).mean()
    assert log_loss(dots, labels).item() == pytest.approx(expected, rel=1e-5, abs=1e-6)


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_dots_are_computed_in_float32(name, dtype):
    dots, labels = batch(64, 5)
    half = dots.to(dtype)
    loss = LOSSES[name](half, labels)
    assert loss.dtype == torch.float32
    assert loss == LOSSES[name](half.float(), labels)


@pytest.mark.parametrize("name", LOSSES)
def test_dots_far_out_have_finite_losses_and_gradients(name):
    dots = torch.tensor([[-1e4, 1e4, 0.0], [1e4, -1e4, 0.0]], requires_grad=True)
    loss = LOSSES[name](dots, torch.tensor([[1.0, 0.0, 0.0]]).expand(2, -1))
    loss.backward()
    assert loss.isfinite()
    assert dots.grad.isfinite().all()
