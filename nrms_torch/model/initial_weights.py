"""Initial weights: the baseline's tied start, or an independent one."""

import torch
from torch import Generator, Tensor, nn

from nrms_torch.model.attention import AdditivePooling, SelfAttention
from nrms_torch.model.hyper_parameters import Variant


def initialise(model: nn.Module, *, variant: Variant, seed: int) -> None:
    """Draw every kernel of `model` Glorot uniform from `seed`; biases start at zero.

    In the baseline the attention and pooling tensors are each drawn with one seed, so tensors of
    one shape start identical (measured): WQ = WK = WV, and both poolings share W and q. Dense
    kernels and the embedding are independent draws there too. The standard variant draws all
    independently, and its embedding is torch's standard normal.
    """
    generator = torch.Generator().manual_seed(seed)
    for module in model.modules():
        match module:
            case SelfAttention():
                _glorot_uniform([module.WQ, module.WK, module.WV], variant, seed, generator)
            case AdditivePooling():
                _glorot_uniform([module.W, module.q], variant, seed, generator)
                nn.init.zeros_(module.b)
            case nn.Linear():
                nn.init.xavier_uniform_(module.weight, generator=generator)
                nn.init.zeros_(module.bias)
            case nn.Embedding():
                if variant == "baseline":
                    nn.init.xavier_uniform_(module.weight, generator=generator)
                else:
                    nn.init.normal_(module.weight, generator=generator)


def _glorot_uniform(
    tensors: list[Tensor], variant: Variant, seed: int, generator: Generator
) -> None:
    for tensor in tensors:
        own = torch.Generator().manual_seed(seed) if variant == "baseline" else generator
        nn.init.xavier_uniform_(tensor, generator=own)
