"""Initial weights: the baseline's tied start, or the standard variant's, which is a cosine."""

import torch
from torch import Generator, Tensor, nn

from nrms_torch.model.attention import AdditivePooling, SelfAttention
from nrms_torch.model.hyper_parameters import HyperParameters, StandardHyperParameters
from nrms_torch.model.standard.attention import ResidualAttention


def initialise(model: nn.Module, hyper_parameters: HyperParameters, *, seed: int) -> None:
    """Draw every kernel of `model` Glorot uniform from `seed`; biases start at zero.

    In the baseline the attention and pooling tensors are each drawn with one seed, so tensors of
    one shape start identical (measured): WQ = WK = WV, and both poolings share W and q. Dense
    kernels and the embedding are independent draws there too. The standard variant draws all
    independently, its embedding is standard normal, and q is zero, so that it pools to the mean.
    """
    generator = torch.Generator().manual_seed(seed)
    is_standard = isinstance(hyper_parameters, StandardHyperParameters)
    tied = None if is_standard else seed
    for module in model.modules():
        match module:
            case SelfAttention():
                _glorot_uniform([module.WQ, module.WK, module.WV], generator, tied)
            case AdditivePooling():
                _glorot_uniform([module.W, module.q], generator, tied)
                nn.init.zeros_(module.b)
                if is_standard:
                    nn.init.zeros_(module.q)
            case ResidualAttention():
                module.initialise(generator)
            case nn.Linear():
                nn.init.xavier_uniform_(module.weight, generator=generator)
                nn.init.zeros_(module.bias)
            case nn.Embedding():
                if is_standard:
                    nn.init.normal_(module.weight, generator=generator)
                else:
                    nn.init.xavier_uniform_(module.weight, generator=generator)


def _glorot_uniform(tensors: list[Tensor], generator: Generator, tied: int | None) -> None:
    """Draw each tensor from `generator`, or each anew from the seed `tied`."""
    for tensor in tensors:
        own = generator if tied is None else torch.Generator().manual_seed(tied)
        nn.init.xavier_uniform_(tensor, generator=own)
