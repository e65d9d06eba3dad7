"""The features of whole splits, part by part: two or more at a time, since numpy's searches can."""

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from nrms_torch.data.impressions import IMPRESSIONS_PER_PART
from nrms_torch.late.features import feature_matrix
from nrms_torch.late.replay import Replay
from nrms_torch.late.visits import Visits

# More parts at a time take more memory, and wait for it.
_THREADS = 4


def feature_parts(
    names: Sequence[str], replay: Replay, asked: Visits
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield impressions of `asked`, indices (I,), and features of their candidates (N, F) float32.

    In order, all of them; InputError for a name that is no feature.
    """

    def of(impressions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return impressions, feature_matrix(names, replay.counts(asked, impressions))

    rows = np.arange(len(asked.impressions))
    parts = [
        rows[start : start + IMPRESSIONS_PER_PART]
        for start in range(0, len(rows), IMPRESSIONS_PER_PART)
    ]
    yield from map(of, parts[:1])  # which makes the indices that the others share
    threads = min(os.cpu_count() or 1, _THREADS)
    with ThreadPoolExecutor(threads) as pool:
        for start in range(1, len(parts), threads):
            yield from pool.map(of, parts[start : start + threads])
