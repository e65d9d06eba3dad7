"""Self-attention, additive pooling, and the padding that takes part in both."""

from collections.abc import Callable
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from nrms_tf_reference.parity.rules.rule import Patch, Rule, around, fixed
from nrms_torch.model.attention import AdditivePooling, SelfAttention
from nrms_torch.model.news_encoder import TitleEncoder
from nrms_torch.model.nrms import NRMS

_EPSILON = "tests/model/test_attention.py::test_pooling_adds_1e_7_to_the_sum"


def attention_with(
    *, scaled: bool = True, softmax_over: int = -1, interleaved: bool = False
) -> Patch:
    """Attend as the baseline does but for what is asked."""

    def forward(
        self: SelfAttention, X: Tensor, mask: Tensor | None = None, places: Tensor | None = None
    ) -> Tensor:
        X = X if places is None else X[places]
        Q, K, V = (
            (X @ W).unflatten(-1, (self.head_num, self.head_dim)).transpose(1, 2)
            for W in (self.WQ, self.WK, self.WV)
        )
        logits = Q @ K.transpose(-2, -1) / (self.head_dim**0.5 if scaled else 1)
        A = logits.softmax(dim=softmax_over)
        by_head = (A.transpose(-2, -1) @ V).transpose(1, 2)
        return (by_head.transpose(2, 3) if interleaved else by_head).flatten(2)

    return patch.object(SelfAttention, "forward", forward)


def pooling_with(
    *,
    squash: Callable[[Tensor], Tensor] = torch.tanh,
    subtract_maximum: bool = False,
    epsilon: float = 1e-7,
    in_float32: bool = True,
) -> Patch:
    """Pool as the baseline does but for what is asked."""

    def forward(self: AdditivePooling, X: Tensor, mask: Tensor | None = None) -> Tensor:
        logits = squash(X @ self.W + self.b) @ self.q
        if subtract_maximum:
            logits = logits - logits.amax(dim=1, keepdim=True)
        a = (logits.float() if in_float32 else logits).exp()
        return (a / (a.sum(dim=1, keepdim=True) + epsilon) * X).sum(dim=1)

    return patch.object(AdditivePooling, "forward", forward)


def _with_output_projection(
    real: Any, self: SelfAttention, *arguments: Any, **options: Any
) -> None:
    real(self, *arguments, **options)
    self.WO = nn.Parameter(torch.eye(self.head_num * self.head_dim))


def _with_residual(
    real: Any,
    self: SelfAttention,
    X: Tensor,
    mask: Tensor | None = None,
    places: Tensor | None = None,
) -> Tensor:
    """Add the input where its width is the output's, as it is in the user encoder."""
    output: Tensor = real(self, X, mask, places)
    X = X if places is None else X[places]
    return output + X if output.shape == X.shape else output


_MASKED_TITLES = fixed(TitleEncoder, "pad_token", 0)
_MASKED_HISTORIES = around(
    NRMS,
    "encode_users",
    lambda _, self, clicked, history, places=None: self.user_encoder(clicked, history != 0, places),
)
_UNMASKED_ATTENTION, _UNMASKED_POOLING = (
    around(layer, "forward", lambda real, self, X, mask=None, *places: real(self, X, None, *places))
    for layer in (SelfAttention, AdditivePooling)
)

ATTENTION = (
    Rule(
        "Attention gives Aᵀ·V: output j is Σᵢ A[i,j] V[i]",
        "measured; the baseline's own: the paper and every library compute A·V",
        "A·V",
        "nrms.npz",
        (fixed(SelfAttention, "transposed", False),),
    ),
    Rule(
        "Logits are divided by √head_dim",
        "without it the softmax saturates",
        "not divided",
        "nrms.npz",
        (attention_with(scaled=False),),
    ),
    Rule(
        "The softmax is over keys, the last axis",
        "behind the transposition, weights into a position do not sum to 1",
        "over queries",
        "nrms.npz",
        (attention_with(softmax_over=-2),),
    ),
    Rule(
        "Heads stand side by side",
        "head h is at h · head_dim and on",
        "interleaved",
        "nrms.npz",
        (attention_with(interleaved=True),),
    ),
    Rule(
        "No output projection",
        "Keras' and torch's own layers have one",
        "heads go through a WO that starts as the identity",
        "nrms.npz",
        (around(SelfAttention, "__init__", _with_output_projection),),
    ),
    Rule(
        "No residual connection",
        "a transformer's habit",
        "the input is added where widths allow",
        "nrms.npz",
        (around(SelfAttention, "forward", _with_residual),),
    ),
    Rule(
        "No layer norm",
        "a transformer's habit",
        "outputs are normalised",
        "nrms.npz",
        (
            around(
                SelfAttention,
                "forward",
                lambda real, self, *inputs: F.layer_norm(
                    real(self, *inputs), (self.head_num * self.head_dim,)
                ),
            ),
        ),
    ),
    Rule(
        "Padding tokens take part in attention",
        "the baseline has no mask; `variant=standard` has",
        "masked",
        "nrms.npz",
        (_MASKED_TITLES, _UNMASKED_POOLING),
    ),
    Rule(
        "Padding tokens take part in pooling",
        "the same",
        "masked",
        "nrms.npz",
        (_MASKED_TITLES, _UNMASKED_ATTENTION),
    ),
    Rule(
        "Padding articles take part in the user's attention",
        "a short history is not as its articles alone",
        "masked",
        "nrms_docvec.npz",
        (_MASKED_HISTORIES, _UNMASKED_POOLING),
    ),
    Rule(
        "Padding articles take part in the user's pooling",
        "the same",
        "masked",
        "nrms_docvec.npz",
        (_MASKED_HISTORIES, _UNMASKED_ATTENTION),
    ),
    Rule(
        "Pooling weights are of exp(tanh(X W + b) q)",
        "tanh bounds the logits, so that exp needs no maximum subtracted",
        "relu for tanh",
        "nrms.npz",
        (pooling_with(squash=torch.relu),),
    ),
    Rule(
        "1e-7 is added to the sum of the pooling weights",
        "shows where all a are tiny: recordings have sums of 5 and more",
        "nothing is added",
        _EPSILON,
        (pooling_with(epsilon=0),),
    ),
    Rule(
        "No maximum is subtracted before exp",
        "with it, 1e-7 is never felt: shows in the same place",
        "subtracted, as in a softmax",
        _EPSILON,
        (pooling_with(subtract_maximum=True),),
    ),
    Rule(
        "exp is in float32 under autocast",
        "float16 overflows at exp(11.1)",
        "in half precision",
        "tests/model/test_attention.py::test_pooling_does_not_overflow_in_half_precision",
        (pooling_with(in_float32=False),),
    ),
    Rule(
        "Token 0's embedding is trained like any other",
        "the baseline's layer has no padding id",
        "`padding_idx=0`",
        "nrms.npz",
        (fixed(nn.Embedding, "padding_idx", 0),),
    ),
)
