"""Keras' Adam, and how it treats the rows of the word-embedding table."""

from collections.abc import Callable
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor

from nrms_tf_reference.parity.rules.dense_layers import calls_with
from nrms_tf_reference.parity.rules.rule import Patch, Rule, around
from nrms_torch.model.news_encoder import TitleEncoder
from nrms_torch.model.over_ranks import Counts
from nrms_torch.training.optimizer import KerasAdam

Step = Callable[..., Any]
_MOMENTS = ("exp_avg", "exp_avg_sq")


def _adam_of(**changed: Any) -> Patch:
    """Make the optimizer with other constants."""

    def made(real: Any, self: KerasAdam, params: Any, **options: Any) -> None:
        real(self, params, **options)
        for group in self.param_groups:
            group.update(changed)

    return around(KerasAdam, "__init__", made)


def stepping(change: Callable[[KerasAdam, Step], None]) -> Patch:
    """Put `change(optimizer, step)` in place of a step; gradients are there, and `step` is it."""

    def broken(real: Any, self: KerasAdam, closure: Callable[[], Any] | None = None) -> Any:
        loss = None if closure is None else closure()
        with torch.no_grad():
            change(self, lambda: real(self))
        return loss

    return around(KerasAdam, "step", broken)


def decaying(rate: float) -> Patch:
    """Take a share of lr · `rate` off all weights before each step, as AdamW does."""

    def change(optimizer: KerasAdam, step: Step) -> None:
        for group in optimizer.param_groups:
            for parameter in group["params"]:
                parameter *= 1 - group["lr"] * rate
        step()

    return stepping(change)


def _rest_without_gradient(optimizer: KerasAdam, step: Step) -> None:
    """Leave rows without a gradient as they are, their moments too, as torch's SparseAdam does."""
    matrices = [p for group in optimizer.param_groups for p in group["params"] if p.ndim == 2]
    parts = [
        (p, *(optimizer.state[p][name] for name in _MOMENTS if optimizer.state[p]))
        for p in matrices
    ]
    before = [[part.clone() for part in of_one] for of_one in parts]
    step()
    for of_one, old in zip(parts, before, strict=True):
        rests = (of_one[0].grad == 0).all(dim=1)
        for part, was in zip(of_one, old, strict=True):
            part[rests] = was[rests]


def _remember_words(self: TitleEncoder, titles: Tensor, counts: Counts | None = None) -> Tensor:
    """Encode titles, and leave the embeddings of every place with the table for the optimizer."""
    table, words = self.embedding.weight, self.embedding(titles)
    if words.requires_grad:
        words.retain_grad()
        vars(table).setdefault("places", []).append((titles, words))
    pooled: Tensor = self.pooling(self.dropout(self.self_attention(self.dropout(words))))
    return pooled


def _square_before_summing(optimizer: KerasAdam, step: Step) -> None:
    """Let v be of the sum of the places' squares, not of the square of their sum."""
    for group in optimizer.param_groups:
        of_new = 1 - group["betas"][1]
        for parameter in group["params"]:
            squares = torch.zeros_like(parameter)
            for titles, words in vars(parameter).pop("places", []):
                squares.index_add_(0, titles.flatten(), words.grad.flatten(0, 1).square())
            if squares.any():
                state = optimizer.state[parameter]
                if not state:
                    state |= {name: torch.zeros_like(parameter) for name in _MOMENTS}
                    state["step"] = torch.tensor(0.0)
                # What the step will add to v is the square of the sum: take the difference before.
                apart = squares - parameter.grad.square()
                state["exp_avg_sq"] += apart * of_new / (1 - of_new)
    step()


ADAM = (
    Rule(
        "Adam's eps is added to √v before the bias correction",
        "Keras' placement; the first gradients of WQ and WK are 1e-10, far under eps",
        "after it, as in torch",
        "nrms_tied_init.npz",
        (around(KerasAdam, "step", lambda _, self, closure: torch.optim.Adam.step(self, closure)),),
    ),
    Rule(
        "Adam's eps is 1e-7",
        "torch's is 1e-8",
        "1e-8",
        "nrms_tied_init.npz",
        (_adam_of(keras_eps=1e-8),),
    ),
    Rule("Adam's β₁ is .9", "Keras' default", ".8", "nrms.npz", (_adam_of(betas=(0.8, 0.999)),)),
    Rule("Adam's β₂ is .999", "Keras' default", ".99", "nrms.npz", (_adam_of(betas=(0.9, 0.99)),)),
    Rule(
        "A word's gradients are summed before Adam squares them",
        "Keras 2 does; Keras 3 squares the gradient of each place of a title apart",
        "squared, then summed",
        "nrms_log_loss.npz",
        (
            patch.object(TitleEncoder, "forward", _remember_words),
            calls_with(),  # a repeated article has places of its own
            stepping(_square_before_summing),
        ),
    ),
    Rule(
        "Words without a gradient move on by their momentum",
        "Adam is not sparse",
        "they rest, as with SparseAdam",
        "nrms.npz",
        (stepping(_rest_without_gradient),),
    ),
    Rule(
        "Words that never occurred never move",
        "so a vocabulary cut down to the words that occur is exactly neutral",
        "weight decay of .01, AdamW's default",
        "tests/training/test_optimizer.py"
        "::test_what_never_had_a_gradient_never_moves_and_what_had_one_moves_on",
        (decaying(0.01),),
    ),
)
