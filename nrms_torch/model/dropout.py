"""Dropout that does not wait for its random numbers on a CPU."""

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

_LEVELS = 2**16


class Dropout(nn.Dropout):
    """Dropout by 16 random bits an element on a CPU, and torch's own elsewhere.

    torch draws a double for each element there, which is a tenth of a training step. The bits are
    numpy's, seeded by torch's generator, which takes twice as long for them. The rate is rounded to
    a multiple of 1 / 65,536, and what is kept is scaled by the rounded one, so that the mean is
    exact.
    """

    def forward(self, input: Tensor) -> Tensor:
        """Drop elements of a tensor of any shape, in training alone."""
        if not self.training or self.p == 0 or input.device.type != "cpu":
            return F.dropout(input, self.p, self.training)
        dropped = round(self.p * _LEVELS)
        seed = int(torch.randint(2**63 - 1, ()))
        draws = np.random.SFC64(seed).random_raw(-(-input.numel() // 4)).view(np.int16)
        bits = torch.from_numpy(draws)[: input.numel()].view(input.shape)
        scale = _LEVELS / (_LEVELS - dropped)
        # Compared in place as floats: a mask of bools would have to be converted.
        keep = bits.to(torch.float32).ge_(dropped - _LEVELS // 2).mul_(scale)
        return input * keep.to(input.dtype)
