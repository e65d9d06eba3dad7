"""How weights start."""

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from nrms_torch.model.attention import AdditivePooling, SelfAttention
from nrms_torch.model.initial_weights import initialise
from nrms_torch.parity.rules.rule import Everywhere, Patch, Rule

_TEST = "tests/model/test_initial_weights.py::"
_TIES = _TEST + "test_the_baseline_variant_ties_what_the_baseline_ties"
_GLOROT = _TEST + "test_wide_kernels_are_glorot_uniform"


def _afterwards(redraw: Callable[[nn.Module, torch.Generator], None]) -> Patch:
    """Initialise, then go through the modules once more."""

    def broken(real: Any, model: nn.Module, *arguments: Any, **options: Any) -> None:
        real(model, *arguments, **options)
        generator = torch.Generator().manual_seed(123)
        with torch.no_grad():
            for module in model.modules():
                redraw(module, generator)

    return Everywhere(initialise, broken)


def _untie_attention(module: nn.Module, generator: torch.Generator) -> None:
    if isinstance(module, SelfAttention):
        nn.init.xavier_uniform_(module.WK, generator=generator)


def _untie_pooling(module: nn.Module, generator: torch.Generator) -> None:
    if isinstance(module, AdditivePooling):
        nn.init.xavier_uniform_(module.q, generator=generator)


def _tie_dense(module: nn.Module, _: torch.Generator) -> None:
    if isinstance(module, nn.Linear):
        same = torch.Generator().manual_seed(123)
        nn.init.xavier_uniform_(module.weight, generator=same)


def _draw_as_torch_does(module: nn.Module, generator: torch.Generator) -> None:
    if isinstance(module, nn.Linear):
        nn.init.kaiming_uniform_(module.weight, a=5**0.5, generator=generator)


def _draw_wide_embeddings(module: nn.Module, generator: torch.Generator) -> None:
    if isinstance(module, nn.Embedding):
        nn.init.normal_(module.weight, generator=generator)


INITIAL_WEIGHTS = (
    Rule(
        "WQ, WK and WV of a layer start equal",
        "measured: drawn with one seed; training starts where attention is symmetric",
        "WK drawn apart",
        _TIES,
        (_afterwards(_untie_attention),),
    ),
    Rule(
        "Both poolings start with one W and one q",
        "the same",
        "q drawn apart",
        _TIES,
        (_afterwards(_untie_pooling),),
    ),
    Rule(
        "Dense kernels start independent, those of one shape too",
        "measured",
        "drawn with one seed",
        _TEST + "test_dense_kernels_of_one_shape_start_apart",
        (_afterwards(_tie_dense),),
    ),
    Rule(
        "Kernels start Glorot uniform",
        "torch's linear layers start Kaiming uniform",
        "as torch's",
        _GLOROT,
        (_afterwards(_draw_as_torch_does),),
    ),
    Rule(
        "Word embeddings start Glorot uniform over (V, E)",
        "values of ±.01: why NRMS learns so slowly from nothing",
        "standard normal, as torch's",
        _GLOROT,
        (_afterwards(_draw_wide_embeddings),),
    ),
)
