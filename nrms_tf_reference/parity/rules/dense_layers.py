"""Dense layers, and BatchNorm with its statistics."""

from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor
from torch.nn import functional as F

from nrms_tf_reference.parity.rules.rule import Patch, Rule, around, fixed
from nrms_torch.model.dense import CountedBatchNorm, DenseStack
from nrms_torch.model.news_encoder import DocumentEncoder
from nrms_torch.model.nrms import NRMS
from nrms_torch.model.over_ranks import Counts


def dense_layers_with(
    *, relu: bool = True, batch_norm_first: bool = False, dropout_first: bool = False
) -> Patch:
    """Go through the dense layers as the baseline does but for what is asked."""

    def forward(self: DenseStack, X: Tensor, counts: Counts | None = None) -> Tensor:
        for dense, batch_norm in zip(self.dense, self.batch_norm, strict=True):
            X = dense(X)
            if batch_norm_first:
                X = F.relu(batch_norm(X, counts))
            else:
                X = F.relu(X) if relu else X
                X = batch_norm(self.dropout(X) if dropout_first else X, counts)
            X = X if dropout_first else self.dropout(X)
        return X

    return patch.object(DenseStack, "forward", forward)


def calls_with(
    *, candidates_first: bool = True, together: bool = False, by_place: bool = False
) -> Patch:
    """Score as the baseline does, every occurrence encoded, but for the calls that are asked."""

    def encode(model: NRMS, table: Tensor, rows: Tensor) -> Tensor:
        if by_place:
            columns = [model.encode_news(table[column]) for column in rows.unbind(dim=1)]
            return torch.stack(columns, dim=1)
        return model.encode_news(table[rows.flatten()]).unflatten(0, rows.shape)

    def forward(self: NRMS, table: Tensor, history: Tensor, candidates: Tensor) -> Tensor:
        if together:
            rows = torch.cat([candidates, history], dim=1)
            sizes = [candidates.shape[1], history.shape[1]]
            of_candidates, of_history = encode(self, table, rows).split(sizes, dim=1)
        elif candidates_first:
            of_candidates = encode(self, table, candidates)
            of_history = encode(self, table, history)
        else:
            of_history = encode(self, table, history)
            of_candidates = encode(self, table, candidates)
        return self.score(self.encode_users(of_history, history), of_candidates)

    return patch.object(NRMS, "forward", forward)


def _unbiased(real: Any, self: CountedBatchNorm, X: Tensor, counts: Counts | None = None) -> Tensor:
    """Turn the variance that the moving one takes of each call into the unbiased, as torch does."""
    if not self.training:
        return torch.as_tensor(real(self, X, counts))
    counts = (X.new_ones(len(X)),) if counts is None else counts
    outputs = []
    for own, of_call in zip(X.split([len(call) for call in counts]), counts, strict=True):
        before = self.running_var.clone()
        outputs.append(real(self, own, (of_call,)))
        rows = int(of_call.sum()) * (X[0].numel() // X.shape[-1])
        self.running_var += (self.running_var - (1 - self.step) * before) / (rows - 1)
    return torch.cat(outputs)


def _by_place(real: Any, self: CountedBatchNorm, X: Tensor, counts: Counts | None = None) -> Tensor:
    return torch.stack([real(self, place, counts) for place in X.unbind(dim=1)], dim=1)


def _each_once(
    real: Any, self: CountedBatchNorm, X: Tensor, counts: Counts | None = None
) -> Tensor:
    once = None if counts is None else tuple(torch.ones_like(call) for call in counts)
    output: Tensor = real(self, X, once)
    return output


def _with_batch_norm(
    real: Any, self: DocumentEncoder, vectors: Tensor, counts: Counts | None = None
) -> Tensor:
    output: Tensor = real(self, vectors, counts)
    return F.batch_norm(output, None, None, training=True, eps=1e-3) if self.training else output


DENSE_LAYERS = (
    Rule(
        "A dense layer is Dense, relu, BatchNorm, dropout",
        "textbooks put BatchNorm before relu",
        "BatchNorm before relu",
        "nrms_docvec.npz",
        (dense_layers_with(batch_norm_first=True),),
    ),
    Rule(
        "Dense layers have a relu",
        "Keras' default is none",
        "none",
        "nrms_dense_layers.npz",
        (dense_layers_with(relu=False),),
    ),
    Rule(
        "NRMSDocVec's last Dense has a relu",
        "its vectors are not negative",
        "none",
        "nrms_docvec.npz",
        (
            patch.object(
                DocumentEncoder,
                "forward",
                lambda self, vectors, counts=None: self.output(self.stack(vectors, counts)),
            ),
        ),
    ),
    Rule(
        "NRMSDocVec's last Dense has no BatchNorm",
        "the layers before it have one each",
        "vectors are normalised in training",
        "nrms_docvec.npz",
        (around(DocumentEncoder, "forward", _with_batch_norm),),
    ),
    Rule(
        "BatchNorm's eps is 1e-3",
        "torch's is 1e-5",
        "1e-5",
        "nrms_docvec.npz",
        (fixed(CountedBatchNorm, "eps", 1e-5),),
    ),
    Rule(
        "BatchNorm's momentum is .99",
        "torch's 0.1 weights what is new, and would be .9 here",
        "two updates of .9",
        "nrms_docvec.npz",
        (fixed(CountedBatchNorm, "step", 1 - 0.9**2),),
    ),
    Rule(
        "Moving statistics are updated twice per call",
        "measured: what Keras 2's TimeDistributed does to the layers inside",
        "once",
        "nrms_docvec.npz",
        (fixed(CountedBatchNorm, "step", 0.01),),
    ),
    Rule(
        "The moving variance is of the biased variance",
        "torch's is of the unbiased",
        "unbiased",
        "nrms_docvec.npz",
        (around(CountedBatchNorm, "forward", _unbiased),),
    ),
    Rule(
        "Candidates are encoded before the history",
        "the moving statistics depend on it; TensorFlow takes the order of Dot's inputs",
        "history first",
        "nrms_docvec.npz",
        (calls_with(candidates_first=False),),
    ),
    Rule(
        "Candidates and history are two calls",
        "each is normalised by its own statistics",
        "one call",
        "nrms_docvec.npz",
        (calls_with(together=True),),
    ),
    Rule(
        "A call's statistics are over all its rows, flattened",
        "Keras 3's TimeDistributed takes each place of a list apart",
        "a call for each place",
        "nrms_docvec.npz",
        (calls_with(by_place=True),),
    ),
    Rule(
        "With tokens, statistics are over B·C·T rows",
        "a title's tokens are rows like any other",
        "each place of a title apart",
        "nrms_dense_layers.npz",
        (around(CountedBatchNorm, "forward", _by_place),),
    ),
    Rule(
        "An article counts as often as it occurs",
        "ours alone: each distinct article is encoded once, and its rows weigh by their counts",
        "each distinct article counts once",
        "nrms_docvec.npz",
        (around(CountedBatchNorm, "forward", _each_once),),
    ),
)
