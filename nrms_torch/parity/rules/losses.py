"""The two losses and the L2 term."""

from collections.abc import Callable
from unittest.mock import patch

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from nrms_torch.model.attention import SelfAttention
from nrms_torch.model.hyper_parameters import BaselineHyperParameters
from nrms_torch.model.nrms import NRMS
from nrms_torch.parity.rules.adam import decaying
from nrms_torch.parity.rules.rule import Patch, Rule, around
from nrms_torch.training.losses import LOSSES


def _loss(name: str, loss: Callable[[Tensor, Tensor], Tensor]) -> Patch:
    return patch.dict(LOSSES, {name: loss})


def _regularization(weighed: Callable[[NRMS, Tensor], Tensor]) -> Patch:
    """Put `weighed(model, L2 term)` in place of the L2 term."""
    return around(NRMS, "regularization_loss", lambda real, self: weighed(self, real(self)))


def _l2_of_more(chosen: Callable[[NRMS], list[Tensor]]) -> Patch:
    """Add the squares of other tensors to the L2 term."""

    def weighed(model: NRMS, loss: Tensor) -> Tensor:
        assert isinstance(model.hyper_parameters, BaselineHyperParameters)
        weight = model.hyper_parameters.newsencoder_l2_regularization
        return loss + weight * torch.stack([one.square().sum() for one in chosen(model)]).sum()

    return _regularization(weighed)


def _attention_kernels(model: NRMS) -> list[Tensor]:
    layers = [layer for layer in model.modules() if isinstance(layer, SelfAttention)]
    return [W for layer in layers for W in (layer.WQ, layer.WK, layer.WV)]


def _biases(model: NRMS) -> list[Tensor]:
    return [layer.bias for layer in model.modules() if isinstance(layer, nn.Linear)]


LOSS = (
    Rule(
        "`cross_entropy_loss` is over the softmax of the dots",
        "one click among candidates",
        "over their sigmoids",
        "nrms.npz",
        (
            _loss(
                "cross_entropy_loss",
                lambda dots, labels: -(labels * F.logsigmoid(dots)).sum(dim=1).mean(),
            ),
        ),
    ),
    Rule(
        "`cross_entropy_loss` is a mean over B",
        "Adam hides a factor but for its eps",
        "mean over B·C",
        "nrms.npz",
        (
            _loss(
                "cross_entropy_loss",
                lambda dots, labels: -(labels * F.log_softmax(dots, dim=1)).mean(),
            ),
        ),
    ),
    Rule(
        "`log_loss` takes the sigmoid of the raw dots",
        "measured: Keras 2 finds the logits behind the model's softmax",
        "the softmax's probabilities, as the code reads",
        "nrms_log_loss.npz",
        (
            _loss(
                "log_loss",
                lambda dots, labels: F.binary_cross_entropy(dots.softmax(dim=1), labels),
            ),
        ),
    ),
    Rule(
        "`log_loss` is a mean over B·C",
        "so its gradients are C times smaller",
        "mean over B",
        "nrms_log_loss.npz",
        (
            _loss(
                "log_loss",
                lambda dots, labels: (
                    dots.shape[1] * F.binary_cross_entropy_with_logits(dots, labels)
                ),
            ),
        ),
    ),
)

L2 = (
    Rule(
        "The L2 term is λ Σ w²",
        "textbooks have ½ λ",
        "½ λ Σ w²",
        "nrms_docvec.npz",
        (_regularization(lambda _, loss: loss / 2),),
    ),
    Rule(
        "Each kernel counts once a step",
        "though its layer is called for candidates and for the history",
        "twice",
        "nrms_docvec.npz",
        (_regularization(lambda _, loss: 2 * loss),),
    ),
    Rule(
        "The L2 term is part of the loss",
        "its gradient goes through Adam; weight decay does not",
        "weight decay of 2 λ",
        "nrms_docvec.npz",
        (_regularization(lambda _, loss: loss.detach()), decaying(2 * 0.01)),
    ),
    Rule(
        "No L2 on biases",
        "the regularizer is the kernels'",
        "biases of dense layers too",
        "nrms_docvec.npz",
        (_l2_of_more(_biases),),
    ),
    Rule(
        "No L2 on NRMSDocVec's last Dense",
        "it has no regularizer, as it has no BatchNorm",
        "its kernel too",
        "nrms_docvec.npz",
        (_l2_of_more(lambda model: [model.get_parameter("news_encoder.output.weight")]),),
    ),
    Rule(
        "No L2 on attention",
        "the same",
        "WQ, WK and WV too",
        "nrms_dense_layers.npz",
        (_l2_of_more(_attention_kernels),),
    ),
    Rule(
        "No L2 on word embeddings",
        "with it, words that never occur would move",
        "embeddings too",
        "nrms_dense_layers.npz",
        (_l2_of_more(lambda model: [model.get_parameter("news_encoder.embedding.weight")]),),
    ),
    Rule(
        "NRMS without dense layers has no L2 term",
        "there is no kernel before a BatchNorm",
        "attention instead",
        "nrms.npz",
        (_l2_of_more(_attention_kernels),),
    ),
)
