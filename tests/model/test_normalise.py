"""Written-out gradients are those of the formula, and weights stand for repeated rows."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from nrms_torch.model.attention import SelfAttention
from nrms_torch.model.dense import CountedBatchNorm
from nrms_torch.model.normalise import Normalise

EPS = 1e-3


def by_formula(X, shares, weight, bias):
    outputs = []
    for rows, share in zip(
        X.flatten(0, -2).split([len(each) for each in shares]), shares, strict=True
    ):
        mean = (share * rows).sum(dim=0)
        var = (share * (rows - mean).square()).sum(dim=0)
        outputs.append((rows - mean) / (var + EPS).sqrt() * weight + bias)
    return torch.cat(outputs).view(X.shape)


@given(
    seed=st.integers(0, 2**32 - 1),
    rows=st.lists(st.integers(1, 6), min_size=1, max_size=3),
    features=st.integers(1, 4),
)
def test_outputs_and_gradients_are_those_of_the_formula(seed, rows, features):
    draw = torch.Generator().manual_seed(seed)
    X = torch.randn(sum(rows), 2, features, generator=draw, dtype=torch.float64, requires_grad=True)
    shares = []
    for call in rows:
        # A row that fills up a rank's share counts nothing.
        counts = torch.randint(0, 4, (2 * call, 1), generator=draw).double()
        counts[0] = 1
        shares.append(counts / counts.sum())
    weight, bias = (
        torch.randn(features, generator=draw, dtype=torch.float64, requires_grad=True)
        for _ in range(2)
    )
    expected = by_formula(X, shares, weight, bias)
    found, means, variances = Normalise.apply(X, tuple(shares), weight, bias, EPS)
    torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-9)
    assert means.shape == variances.shape == (len(rows), features)
    assert not means.requires_grad
    assert not variances.requires_grad
    towards = torch.randn(expected.shape, generator=draw, dtype=torch.float64)
    inputs = (X, weight, bias)
    torch.testing.assert_close(
        torch.autograd.grad(found, inputs, towards),
        torch.autograd.grad(expected, inputs, towards),
        rtol=1e-7,
        atol=1e-9,
    )


def test_counted_rows_are_normalised_as_repeated_ones():
    X, counts = torch.randn(5, 3, dtype=torch.float64), torch.tensor([1, 4, 2, 1, 3])
    counted, repeated = (CountedBatchNorm(3).double().train() for _ in range(2))
    output = counted(X, (counts,)).repeat_interleave(counts, dim=0)
    torch.testing.assert_close(output, repeated(X.repeat_interleave(counts, dim=0)))
    torch.testing.assert_close(counted.running_var, repeated.running_var)


def test_two_calls_together_are_one_after_the_other():
    X, counts = torch.randn(5, 3, dtype=torch.float64), torch.tensor([1, 4, 2, 1, 3])
    calls, parts = counts.split([2, 3]), X.split([2, 3])
    together, in_turn = (CountedBatchNorm(3).double().train() for _ in range(2))
    outputs = [in_turn(part, (call,)) for part, call in zip(parts, calls, strict=True)]
    torch.testing.assert_close(together(X, calls), torch.cat(outputs))
    torch.testing.assert_close(together.running_mean, in_turn.running_mean)
    torch.testing.assert_close(together.running_var, in_turn.running_var)


@pytest.mark.parametrize("transposed", [True, False])
@pytest.mark.parametrize("lengths", [None, (4, 1)])
def test_the_gradient_of_attention_is_that_of_its_differences(transposed, lengths):
    attention = SelfAttention(3, head_num=2, head_dim=2, transposed=transposed).double()
    for parameter in attention.parameters():
        torch.nn.init.normal_(parameter)
    X = torch.randn(2, 4, 3, dtype=torch.float64, requires_grad=True)
    mask = None if lengths is None else torch.arange(4) < torch.tensor(lengths).unsqueeze(1)
    assert torch.autograd.gradcheck(lambda X: attention(X, mask), (X,))
