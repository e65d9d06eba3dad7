"""One comparison of ours with the baseline's, and how far apart arrays are."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nrms_torch.errors import InputError


@dataclass(frozen=True)
class Check:
    """A row of the report: how far `what` of `file` is off; without a tolerance it is only shown.

    `note` says where the largest difference is, or what it is relative to.
    """

    file: str
    what: str
    difference: float
    tolerance: float | None
    note: str = ""

    @property
    def passed(self) -> bool:
        """Whether the difference is within the tolerance; NaN never is."""
        return self.tolerance is None or self.difference <= self.tolerance

    @property
    def verdict(self) -> str:
        """The word that the report has for it."""
        if self.tolerance is None:
            return "shown"
        return "pass" if self.passed else "MISS"


def largest_difference(name: str, found: npt.ArrayLike, expected: npt.ArrayLike) -> float:
    """Give the largest |found − expected|; NaN on both sides is no difference, on one it is NaN.

    Raises InputError, naming `name`, where the shapes differ.
    """
    ours, theirs = (np.asarray(array, dtype=np.float64) for array in (found, expected))
    if ours.shape != theirs.shape:
        raise InputError(f"{name}: has shape {theirs.shape}, expected {ours.shape}")
    apart = np.where(np.isnan(ours) & np.isnan(theirs), 0, np.abs(ours - theirs))
    return float(apart.max(initial=0))
