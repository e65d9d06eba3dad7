"""Means over impressions that any number of processes can add up."""

from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import ClassVar, Self

import numpy as np
import torch
from torch import Tensor
from torchmetrics import Metric


def arrays(*tensors: Tensor) -> tuple[np.ndarray, ...]:
    """Give tensors of any device as arrays."""
    return tuple(tensor.detach().cpu().numpy() for tensor in tensors)


class ImpressionMeans(Metric):
    """The mean over impressions of each of `names`, kept as sums and counts.

    A subclass names the values and computes them for each impression; NaN marks an impression that
    every mean skips. The states are float64 sums and int64 counts reduced by sum, so the means do
    not depend on how impressions are cut into updates or spread over processes, of which some may
    have none. With no impression counted the means are NaN.
    """

    names: ClassVar[tuple[str, ...]]
    full_state_update = False

    sums: Tensor
    impressions: Tensor
    skipped: Tensor

    def __init__(self) -> None:
        super().__init__()
        sums = torch.zeros(len(self.names), dtype=torch.float64)
        self.add_state("sums", sums, dist_reduce_fx="sum")
        self.add_state("impressions", torch.tensor(0), dist_reduce_fx="sum")
        self.add_state("skipped", torch.tensor(0), dist_reduce_fx="sum")

    @staticmethod
    @abstractmethod
    def per_impression(
        scores: np.ndarray, labels: np.ndarray, offsets: np.ndarray
    ) -> dict[str, np.ndarray]:
        """Compute each of `names` for each impression, (I,) float64."""

    def update(self, scores: Tensor, labels: Tensor, offsets: Tensor) -> None:
        """Add I impressions, maybe none: scores (N,), labels (N,) 0 or 1, offsets (I + 1,)."""
        by_name = self.per_impression(*arrays(scores, labels, offsets))
        values = np.stack([by_name[name] for name in self.names])
        counted = int((~np.isnan(values[0])).sum())
        sums = torch.from_numpy(np.nansum(values, axis=1)).to(self.sums.device)
        # New tensors, not in place: a state made under inference_mode can only be written there.
        self.sums = self.sums + sums
        self.impressions = self.impressions + counted
        self.skipped = self.skipped + (len(offsets) - 1 - counted)

    def _apply(self, fn: Callable[[Tensor], Tensor], exclude_state: Sequence[str] = "") -> Self:
        # A module's `.to(bfloat16)` would round the sums: follow it to its device alone.
        super()._apply(lambda state: state.to(fn(state).device), exclude_state)
        return self

    def compute(self) -> dict[str, Tensor]:
        """Each mean under its name, float64, and the counts `impressions` and `skipped`, int64."""
        means = (self.sums / self.impressions).unbind()
        counts = {"impressions": self.impressions, "skipped": self.skipped}
        return dict(zip(self.names, means, strict=True)) | counts
