"""What breaks the rules of the model: its layers, its losses and its initial weights."""

from collections.abc import Callable
from typing import Any
from unittest.mock import patch

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional as F

from nrms_tf_reference.parity.rules import stand_ins
from nrms_tf_reference.parity.rules.patching import Everywhere, Patch, around, fixed
from nrms_torch.model.attention import AdditivePooling, SelfAttention
from nrms_torch.model.dropout import Dropout
from nrms_torch.model.hyper_parameters import BaselineHyperParameters
from nrms_torch.model.initial_weights import initialise
from nrms_torch.model.news_encoder import DocumentEncoder, TitleEncoder
from nrms_torch.model.nrms import NRMS
from nrms_torch.model.user_encoder import UserEncoder
from nrms_torch.training.losses import LOSSES


def _with_output_projection(
    real: Any, self: SelfAttention, *arguments: Any, **options: Any
) -> None:
    real(self, *arguments, **options)
    self.WO = nn.Parameter(torch.eye(self.head_num * self.head_dim))


def _with_batch_norm(real: Any, self: DocumentEncoder, *inputs: Any) -> Tensor:
    output: Tensor = real(self, *inputs)
    return F.batch_norm(output, None, None, training=True, eps=1e-3) if self.training else output


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

ATTENTION: dict[str, tuple[Patch, ...]] = {
    "attention_transposed": (stand_ins.attention(transposed=False),),
    "attention_scaled": (stand_ins.attention(scaled=False),),
    "softmax_over_keys": (stand_ins.attention(softmax_over=-2),),
    "heads_side_by_side": (stand_ins.attention(interleaved=True),),
    "no_output_projection": (around(SelfAttention, "__init__", _with_output_projection),),
    "no_residual": (
        stand_ins.attention(
            then=lambda output, X: output + X if output.shape == X.shape else output
        ),
    ),
    "no_layer_norm": (
        stand_ins.attention(then=lambda output, _: F.layer_norm(output, output.shape[-1:])),
    ),
    "padding_in_attention": (_MASKED_TITLES, _UNMASKED_POOLING),
    "padding_in_pooling": (_MASKED_TITLES, _UNMASKED_ATTENTION),
    "unknown_in_attention": (_MASKED_HISTORIES, _UNMASKED_POOLING),
    "unknown_in_pooling": (_MASKED_HISTORIES, _UNMASKED_ATTENTION),
    "pooling_tanh": (stand_ins.pooling(squash=torch.relu),),
    "pooling_epsilon": (stand_ins.pooling(epsilon=0),),
    "pooling_maximum": (stand_ins.pooling(subtract_maximum=True),),
    "pooling_float32": (stand_ins.pooling(in_float32=False),),
    "token_0_trained": (fixed(nn.Embedding, "padding_idx", 0),),
}

DENSE_LAYERS: dict[str, tuple[Patch, ...]] = {
    "batch_norm_behind_relu": (stand_ins.dense_layers(batch_norm_first=True),),
    "dense_relu": (stand_ins.dense_layers(relu=False),),
    "last_dense_relu": (
        around(
            DocumentEncoder,
            "forward",
            lambda _, self, vectors, counts=None: self.output(self.stack(vectors, counts)),
        ),
    ),
    "last_dense_plain": (around(DocumentEncoder, "forward", _with_batch_norm),),
    "batch_norm_eps": (stand_ins.batch_norm(eps=1e-5),),
    "batch_norm_momentum": (stand_ins.batch_norm(momentum=0.9),),
    "batch_norm_two_updates": (stand_ins.batch_norm(updates=1),),
    "batch_norm_biased": (stand_ins.batch_norm(unbiased=True),),
    "candidates_first": (stand_ins.calls(candidates_first=False),),
    "two_calls": (stand_ins.calls(together=True),),
    "flattened_calls": (stand_ins.calls(by_place=True),),
    "flattened_tokens": (stand_ins.batch_norm(by_place=True),),
    "weighed_by_counts": (stand_ins.batch_norm(counted=False),),
}

DROPOUT: dict[str, tuple[Patch, ...]] = {
    "dropout_of_words": (stand_ins.titles(drop_words=False),),
    "dropout_of_attended": (stand_ins.titles(drop_attended=False),),
    "dropout_of_dense_layers": (stand_ins.titles(drop_before_dense=True),),
    "dropout_behind_batch_norm": (stand_ins.dense_layers(dropout_first=True),),
    "dropout_not_of_users": (
        around(
            UserEncoder,
            "forward",
            lambda real, self, clicked, *others: real(
                self, F.dropout(clicked, 0.2, self.training), *others
            ),
        ),
    ),
    "dropout_in_training": (
        patch.object(Dropout, "forward", lambda self, X: F.dropout(X, self.p)),
    ),
}


def _loss(name: str, loss: Callable[[Tensor, Tensor], Tensor]) -> Patch:
    return patch.dict(LOSSES, {name: loss})


LOSS: dict[str, tuple[Patch, ...]] = {
    "cross_entropy_softmax": (
        _loss("cross_entropy_loss", lambda x, y: -(y * F.logsigmoid(x)).sum(dim=1).mean()),
    ),
    "cross_entropy_mean": (
        _loss("cross_entropy_loss", lambda x, y: -(y * F.log_softmax(x, dim=1)).mean()),
    ),
    "log_loss_of_dots": (
        _loss("log_loss", lambda x, y: F.binary_cross_entropy(x.softmax(dim=1), y)),
    ),
    "log_loss_mean": (
        _loss("log_loss", lambda x, y: x.shape[1] * F.binary_cross_entropy_with_logits(x, y)),
    ),
}


def l2_term(changed: Callable[[NRMS, Tensor], Tensor]) -> Patch:
    """Put `changed(model, L2 term)` in place of the L2 term."""
    return around(NRMS, "regularization_loss", lambda real, self: changed(self, real(self)))


def _l2_of_more(*ends: str) -> Patch:
    """Add the squares of the parameters whose names end so to the L2 term."""

    def changed(model: NRMS, loss: Tensor) -> Tensor:
        more = [p.square().sum() for name, p in model.named_parameters() if name.endswith(ends)]
        assert isinstance(model.hyper_parameters, BaselineHyperParameters)
        return loss + model.hyper_parameters.newsencoder_l2_regularization * torch.stack(more).sum()

    return l2_term(changed)


L2: dict[str, tuple[Patch, ...]] = {
    "l2_factor": (l2_term(lambda _, loss: loss / 2),),
    "l2_not_of_biases": (_l2_of_more(".bias"),),
    "l2_not_of_last_dense": (_l2_of_more("news_encoder.output.weight"),),
    "l2_not_of_attention": (_l2_of_more(".WQ", ".WK", ".WV"),),
    "l2_not_of_words": (_l2_of_more("news_encoder.embedding.weight"),),
    "l2_not_of_nrms": (_l2_of_more(".WQ", ".WK", ".WV"),),
}


def _redrawn(kind: type[nn.Module], draw: Callable[[Any, Generator], object]) -> Patch:
    """Initialise, then draw weights of the layers of a kind once more."""

    def changed(real: Any, model: nn.Module, *arguments: Any, **options: Any) -> None:
        real(model, *arguments, **options)
        generator = torch.Generator().manual_seed(123)
        with torch.no_grad():
            for layer in model.modules():
                if isinstance(layer, kind):
                    draw(layer, generator)

    return Everywhere(initialise, changed)


INITIAL_WEIGHTS: dict[str, tuple[Patch, ...]] = {
    "start_tied_attention": (
        _redrawn(SelfAttention, lambda one, g: nn.init.xavier_uniform_(one.WK, generator=g)),
    ),
    "start_tied_pooling": (
        _redrawn(AdditivePooling, lambda one, g: nn.init.xavier_uniform_(one.q, generator=g)),
    ),
    "start_untied_dense": (
        _redrawn(
            nn.Linear,
            lambda one, g: nn.init.xavier_uniform_(one.weight, generator=g.manual_seed(123)),
        ),
    ),
    "start_glorot": (
        _redrawn(
            nn.Linear,
            lambda one, g: nn.init.kaiming_uniform_(one.weight, a=5**0.5, generator=g),
        ),
    ),
    "start_glorot_words": (
        _redrawn(nn.Embedding, lambda one, g: nn.init.normal_(one.weight, generator=g)),
    ),
}
