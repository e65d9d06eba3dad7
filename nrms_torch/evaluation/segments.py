"""A flat list of candidates cut into impressions: impression i owns offsets[i]:offsets[i + 1].

Shapes: N candidates, I impressions; values (N,), offsets (I + 1,) int64, all on one device.
"""

import torch
from torch import Tensor

from nrms_torch.errors import InputError


def impression_of(offsets: Tensor) -> Tensor:
    """The impression that owns each candidate, (N,) int64."""
    impressions = torch.arange(len(offsets) - 1, device=offsets.device)
    return impressions.repeat_interleave(offsets.diff())


def sum_by_impression(values: Tensor, impression: Tensor, impressions: int) -> Tensor:
    """Sum `values` by the impression that owns them, in their order: (impressions,) float64."""
    sums = torch.zeros(impressions, dtype=torch.float64, device=values.device)
    return sums.index_add_(0, impression, values.double())


def check_offsets(offsets: Tensor, candidates: int) -> None:
    """Raise InputError unless `offsets` rise from 0 to the number of candidates."""
    rising = offsets.ndim == 1 and len(offsets) > 0 and bool((offsets.diff() >= 0).all())
    if not rising or offsets[0] != 0 or offsets[-1] != candidates:
        raise InputError(
            f"offsets: expected one flat list that rises from 0 to {candidates}, the number of "
            f"candidates, got {offsets.numel()} values of shape {tuple(offsets.shape)}"
        )


def check_scores(scores: Tensor) -> None:
    """Raise InputError unless `scores` hold one number a candidate: a sort hides a NaN."""
    if scores.ndim != 1:
        raise InputError(f"scores: expected one flat list, got shape {tuple(scores.shape)}")
    missing = int(scores.isnan().sum())
    if missing:
        raise InputError(
            f"scores: {missing} of {len(scores)} are NaN, expected a number for every candidate"
        )


def check_labels(labels: Tensor, candidates: int) -> None:
    """Raise InputError unless `labels` hold one 0 or 1 a candidate."""
    if labels.shape != (candidates,):
        raise InputError(
            f"labels: expected shape ({candidates},), one a candidate, got {tuple(labels.shape)}"
        )
    strange = int(((labels != 0) & (labels != 1)).sum())
    if strange:
        raise InputError(f"labels: {strange} of {candidates} are neither 0 nor 1")
