"""Whether two sets of scores rank the candidates of each impression alike."""

from itertools import pairwise

import numpy as np
import torch

from nrms_torch.evaluation.ranking import ranks


def swapped_gaps(ours: np.ndarray, theirs: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """Give, for each pair of candidates that the two sides rank otherwise, how far apart it is.

    A pair's gap is the larger of its differences of scores on either side. Scores are (N,), and
    impression i has those from offsets[i] to offsets[i + 1]; the gaps (pairs,) are in no order.
    """
    cuts = torch.from_numpy(offsets)
    rank = [ranks(torch.from_numpy(scores), cuts).numpy() for scores in (ours, theirs)]
    gaps = [np.zeros(0)]
    for first, end in pairwise(offsets):
        part = slice(first, end)
        if (rank[0][part] == rank[1][part]).all():
            continue
        one, other = np.triu_indices(end - first, k=1)
        apart = [values[part][one] - values[part][other] for values in (*rank, ours, theirs)]
        gap = np.maximum(np.abs(apart[2]), np.abs(apart[3]))
        gaps.append(gap[apart[0] * apart[1] < 0])
    return np.concatenate(gaps)
