"""Self-attention and additive pooling against sums done by hand and in numpy."""

import math

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from nrms_torch.model.attention import AdditivePooling, SelfAttention


def random_attention(*, transposed, head_num=3, head_dim=4, input_size=5):
    attention = SelfAttention(input_size, head_num, head_dim, transposed=transposed)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for W in attention.parameters():
            W.normal_(generator=generator)
    return attention


def random_pooling(input_size=6, hidden_size=4):
    pooling = AdditivePooling(input_size, hidden_size)
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for parameter in pooling.parameters():
            parameter.normal_(generator=generator)
    return pooling


def draw(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(
    ("transposed", "by_hand"),
    [
        # A = [[1/4, 3/4], [1/2, 1/2]] and V = [[1, 10], [2, 20]].
        (False, [[1.75, 17.5], [1.5, 15.0]]),  # A·V
        (True, [[1.25, 12.5], [1.75, 17.5]]),  # Aᵀ·V
    ],
)
def test_two_positions_attend_as_by_hand(transposed, by_hand):
    attention = SelfAttention(2, head_num=1, head_dim=2, transposed=transposed)
    with torch.no_grad():
        # X is the identity, so Q, K and V are these; logits are [[0, ln 3], [0, 0]] after / √2.
        attention.WQ.copy_(torch.tensor([[0.0, math.log(3) * math.sqrt(2)], [0.0, 0.0]]))
        attention.WK.copy_(torch.eye(2))
        attention.WV.copy_(torch.tensor([[1.0, 10.0], [2.0, 20.0]]))
        output = attention(torch.eye(2).unsqueeze(0))
    torch.testing.assert_close(output, torch.tensor([by_hand]))


@torch.no_grad()
def test_untransposed_equals_torchs_own_attention_under_a_mask():
    attention, X = random_attention(transposed=False), draw(2, 6, 5)
    mask = torch.tensor([[True] * 6, [True, False, True, True, False, False]])
    Q, K, V = (
        (X @ W).view(2, 6, 3, 4).transpose(1, 2) for W in (attention.WQ, attention.WK, attention.WV)
    )
    expected = F.scaled_dot_product_attention(Q, K, V, attn_mask=mask[:, None, None, :])
    torch.testing.assert_close(attention(X, mask), expected.transpose(1, 2).reshape(2, 6, 12))


@torch.no_grad()
@pytest.mark.parametrize("transposed", [False, True])
def test_heads_stand_side_by_side_and_do_not_mix(transposed):
    together, X = random_attention(transposed=transposed, head_num=3, head_dim=4), draw(2, 6, 5)
    outputs = []
    for columns in (slice(0, 4), slice(4, 8), slice(8, 12)):
        alone = SelfAttention(5, head_num=1, head_dim=4, transposed=transposed)
        for name in ("WQ", "WK", "WV"):
            getattr(alone, name).copy_(getattr(together, name)[:, columns])
        outputs.append(alone(X))
    torch.testing.assert_close(together(X), torch.cat(outputs, dim=-1))


@torch.no_grad()
def test_masked_positions_get_no_attention():
    attention, X = random_attention(transposed=False), draw(2, 6, 5)
    mask = torch.tensor([[True, True, True, False, True, False]]).expand(2, -1)
    other = torch.where(mask.unsqueeze(-1), X, 100 * draw(2, 6, 5, seed=3))
    torch.testing.assert_close(attention(X, mask)[mask], attention(other, mask)[mask])
    assert not torch.allclose(attention(X)[mask], attention(other)[mask])


@pytest.mark.parametrize("distinct", [3, 50], ids=["fewer than positions", "more"])
def test_positions_that_share_an_input_attend_as_if_each_had_its_own(distinct):
    attention, inputs = random_attention(transposed=True), draw(distinct, 5)
    places = torch.randint(distinct, (2, 5), generator=torch.Generator().manual_seed(3))
    mask = torch.tensor([[True] * 5, [True, False, True, True, False]])
    found, expected = [], []
    for passed, encode in (
        (found, lambda X: attention(X, mask, places)),
        (expected, lambda X: attention(X[places], mask)),
    ):
        X = inputs.clone().requires_grad_()
        output = encode(X)
        passed += [
            output,
            *torch.autograd.grad(output.square().sum(), [X, *attention.parameters()]),
        ]
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("transposed", [False, True])
def test_a_row_with_nothing_to_attend_to_stays_finite(transposed):
    attention, pooling = random_attention(transposed=transposed), random_pooling(12)
    mask = torch.tensor([[False] * 6, [True] * 6])
    pooled = pooling(attention(draw(2, 6, 5), mask), mask)
    torch.testing.assert_close(pooled[0], torch.zeros(12))
    pooled.sum().backward()
    for parameter in (*attention.parameters(), *pooling.parameters()):
        assert parameter.grad.isfinite().all()


@torch.no_grad()
def test_pooling_weights_follow_the_formula():
    pooling, X = random_pooling(), draw(3, 5, 6)
    W, b, q = (getattr(pooling, name).numpy().astype(np.float64) for name in "Wbq")
    a = np.exp(np.tanh(X.numpy() @ W + b) @ q)
    expected = (a / (a.sum(axis=1, keepdims=True) + 1e-7) * X.numpy()).sum(axis=1)
    np.testing.assert_allclose(pooling(X).numpy(), expected, rtol=1e-5, atol=1e-6)


@torch.no_grad()
def test_pooling_adds_1e_7_to_the_sum():
    pooling, X = AdditivePooling(1, 1), torch.ones(1, 2, 1)
    for name, value in (("W", 0.0), ("b", 100.0), ("q", math.log(1e-7))):
        getattr(pooling, name).fill_(value)
    # Both a are 1e-7: 2e-7 / (2e-7 + 1e-7).
    assert pooling(X).item() == pytest.approx(2 / 3, rel=1e-5)


@torch.no_grad()
def test_masked_positions_are_not_pooled():
    pooling, X = random_pooling(), draw(2, 5, 6)
    mask = torch.tensor([[True, True, True, False, False]]).expand(2, -1)
    torch.testing.assert_close(pooling(X, mask), pooling(X[:, :3]))


@torch.no_grad()
def test_pooling_does_not_overflow_in_half_precision():
    pooling = AdditivePooling(6, 4)
    for name, value in (("W", 0.0), ("b", 100.0), ("q", 5.0)):
        getattr(pooling, name).fill_(value)
    # Logits are 20; float16 ends at exp(11.09).
    with torch.autocast("cpu", dtype=torch.float16):
        pooled = pooling(torch.ones(1, 3, 6))
    torch.testing.assert_close(pooled, torch.ones(1, 6))
