"""A flat list of candidates cut into impressions: impression i owns offsets[i]:offsets[i + 1].

Shapes: N candidates, I impressions; values (N,), offsets (I + 1,) int64, all on one device.
"""

import torch
from torch import Tensor


def impression_of(offsets: Tensor) -> Tensor:
    """The impression that owns each candidate, (N,) int64."""
    impressions = torch.arange(len(offsets) - 1, device=offsets.device)
    return impressions.repeat_interleave(offsets.diff())


def sum_by_impression(values: Tensor, impression: Tensor, impressions: int) -> Tensor:
    """Sum `values` by the impression that owns them, in their order: (impressions,) float64."""
    sums = torch.zeros(impressions, dtype=torch.float64, device=values.device)
    return sums.index_add_(0, impression, values.double())
