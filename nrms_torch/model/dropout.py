"""Dropout that does not wait for its random numbers on a CPU."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

_LEVELS = 2**16


class Dropout(nn.Dropout):
    """Dropout by 16 random bits an element on a CPU, and torch's own elsewhere.

    torch draws a double for each element there, which is a tenth of a training step. The rate is
    rounded to a multiple of 1 / 65,536, and what is kept is scaled by the rounded one, so that
    the mean is exact.
    """

    def forward(self, input: Tensor) -> Tensor:
        """Drop elements of a tensor of any shape, in training alone."""
        if not self.training or self.p == 0 or input.device.type != "cpu":
            return F.dropout(input, self.p, self.training)
        dropped = round(self.p * _LEVELS)
        draws = torch.empty(-(-input.numel() // 4), dtype=torch.int64).random_(-(2**63), None)
        bits = draws.view(torch.int16)[: input.numel()].view(input.shape)
        scale = _LEVELS / (_LEVELS - dropped)
        # Compared into floats at once: no mask of bools, which would have to be converted.
        keep = torch.ge(bits, dropped - _LEVELS // 2, out=torch.empty_like(input))
        return input * keep.mul_(scale)
