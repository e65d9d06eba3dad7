"""The model's layers in plain formulas: each can stand in for ours, and break a rule if asked to.

Without arguments they are sound, which a test shows. Ours are written for speed, so there is no one
line in them to change; and they may change as long as names and weights of the layers stay.
"""

from collections.abc import Callable
from unittest.mock import patch

import torch
from torch import Tensor
from torch.nn import functional as F

from nrms_tf_reference.parity.rules.patching import Patch
from nrms_torch.model.attention import AdditivePooling, SelfAttention
from nrms_torch.model.dense import CountedBatchNorm, DenseStack
from nrms_torch.model.news_encoder import TitleEncoder
from nrms_torch.model.nrms import NRMS

# How often each article of a call occurs, a tensor a call of the news encoder.
Counts = tuple[Tensor, ...]


def attention(
    *,
    transposed: bool = True,
    scaled: bool = True,
    softmax_over: int = -1,
    interleaved: bool = False,
    then: Callable[[Tensor, Tensor], Tensor] = lambda output, _: output,
) -> Patch:
    """Attend; `then(output, input)` is what comes out in the end."""

    def forward(
        self: SelfAttention, X: Tensor, mask: Tensor | None = None, places: Tensor | None = None
    ) -> Tensor:
        X = X if places is None else X[places]
        Q, K, V = (
            (X @ W).unflatten(-1, (self.head_num, self.head_dim)).transpose(1, 2)
            for W in (self.WQ, self.WK, self.WV)
        )
        A = (Q @ K.mT / (self.head_dim**0.5 if scaled else 1)).softmax(dim=softmax_over)
        by_head = ((A.mT if transposed else A) @ V).transpose(1, 2)
        return then((by_head.transpose(2, 3) if interleaved else by_head).flatten(2), X)

    return patch.object(SelfAttention, "forward", forward)


def pooling(
    *,
    squash: Callable[[Tensor], Tensor] = torch.tanh,
    subtract_maximum: bool = False,
    epsilon: float = 1e-7,
    in_float32: bool = True,
) -> Patch:
    """Pool."""

    def forward(self: AdditivePooling, X: Tensor, mask: Tensor | None = None) -> Tensor:
        logits = squash(X @ self.W + self.b) @ self.q
        if subtract_maximum:
            logits = logits - logits.amax(dim=1, keepdim=True)
        a = (logits.float() if in_float32 else logits).exp()
        return (a / (a.sum(dim=1, keepdim=True) + epsilon) * X).sum(dim=1)

    return patch.object(AdditivePooling, "forward", forward)


def dense_layers(
    *, relu: bool = True, batch_norm_first: bool = False, dropout_first: bool = False
) -> Patch:
    """Go through the dense layers."""

    def forward(self: DenseStack, X: Tensor, counts: Counts | None = None) -> Tensor:
        for dense, normalise in zip(self.dense, self.batch_norm, strict=True):
            X = dense(X)
            if batch_norm_first:
                X = F.relu(normalise(X, counts))
            else:
                X = F.relu(X) if relu else X
                X = normalise(self.dropout(X) if dropout_first else X, counts)
            X = X if dropout_first else self.dropout(X)
        return X

    return patch.object(DenseStack, "forward", forward)


def batch_norm(
    *,
    eps: float = 1e-3,
    momentum: float = 0.99,
    updates: int = 2,
    unbiased: bool = False,
    by_place: bool = False,
    counted: bool = True,
) -> Patch:
    """Normalise each call by itself, each row repeated as often as it occurs."""

    def normalised(self: CountedBatchNorm, X: Tensor, mean: Tensor, variance: Tensor) -> Tensor:
        return (X - mean) * torch.rsqrt(variance + eps) * self.weight + self.bias

    def forward(self: CountedBatchNorm, X: Tensor, counts: Counts | None = None) -> Tensor:
        if not self.training:
            return normalised(self, X, self.running_mean, self.running_var)
        calls = (torch.ones(len(X)),) if counts is None else counts
        outputs = []
        for own, times in zip(X.split([len(call) for call in calls]), calls, strict=True):
            rows = own.repeat_interleave(times.long() if counted else 1, dim=0)
            rows = rows if by_place else rows.flatten(0, -2)
            mean, variance = rows.mean(dim=0), rows.var(dim=0, correction=0)
            outputs.append(normalised(self, own, mean, variance))
            moved = rows.detach().var(dim=0, correction=int(unbiased))
            for moving, found in ((self.running_mean, mean.detach()), (self.running_var, moved)):
                for one in found.view(-1, found.shape[-1]).repeat_interleave(updates, dim=0):
                    moving.lerp_(one, 1 - momentum)
        return torch.cat(outputs)

    return patch.object(CountedBatchNorm, "forward", forward)


def titles(
    *, drop_words: bool = True, drop_attended: bool = True, drop_before_dense: bool = False
) -> Patch:
    """Encode titles, with dropout where asked."""

    def forward(self: TitleEncoder, tokens: Tensor, counts: Counts | None = None) -> Tensor:
        X = self.embedding(tokens)
        X = self.self_attention(self.dropout(X) if drop_words else X)
        if self.stack is not None:
            X = self.stack(self.dropout(X) if drop_before_dense else X, counts)
        elif drop_attended:
            X = self.dropout(X)
        pooled: Tensor = self.pooling(X)
        return pooled

    return patch.object(TitleEncoder, "forward", forward)


def calls(
    *, candidates_first: bool = True, together: bool = False, by_place: bool = False
) -> Patch:
    """Score with every occurrence of an article encoded, in the calls that are asked for."""

    def forward(self: NRMS, table: Tensor, history: Tensor, candidates: Tensor) -> Tensor:
        def encode(rows: Tensor) -> Tensor:
            if by_place:
                columns = [self.encode_news(table[column]) for column in rows.unbind(dim=1)]
                return torch.stack(columns, dim=1)
            return self.encode_news(table[rows.flatten()]).unflatten(0, rows.shape)

        if together:
            both = encode(torch.cat([candidates, history], dim=1))
            shown, clicked = both.split([candidates.shape[1], history.shape[1]], dim=1)
        elif candidates_first:
            shown, clicked = encode(candidates), encode(history)
        else:
            clicked, shown = encode(history), encode(candidates)
        return self.score(self.encode_users(clicked, history), shown)

    return patch.object(NRMS, "forward", forward)
