"""Late features of generated impressions, computed offline: how many a second, in what memory."""

import time
from collections.abc import Sequence

import numpy as np

from benchmarks.speed.turns import peak_mib
from nrms_torch.data.impressions import Impressions
from nrms_torch.late.parts import feature_parts
from nrms_torch.late.replay import Replay
from nrms_torch.late.visits import Visits

_WEEK_S = 7 * 86_400
_CANDIDATES = 12


def generated_visits(number: int, *, articles: int, readers: int) -> Visits:
    """Draw impressions of a week in order of time, one click each; some articles are shown more."""
    generator = np.random.default_rng(0)
    times = np.sort(generator.integers(0, _WEEK_S, number))
    # Each article is new at some time of the week, and those near to that are shown.
    now = times * articles // _WEEK_S
    age = generator.exponential(articles / 20, (number, _CANDIDATES)).astype(np.int64)
    candidates = np.maximum(now[:, None] - age, 0).astype(np.int32) + 1
    clicks = generator.integers(0, _CANDIDATES, number)
    impressions = Impressions(
        impression_ids=np.arange(number),
        history_index=np.zeros(number, dtype=np.int32),
        histories=np.zeros((1, 1), dtype=np.int32),
        offsets=np.arange(number + 1) * _CANDIDATES,
        candidates=candidates.ravel(),
        labels=(np.arange(_CANDIDATES) == clicks[:, None]).ravel(),
        unknown_articles=0,
    )
    left = times + generator.integers(0, 300, number)
    pages = np.where(generator.random(number) < 0.5, candidates[:, 0], 0).astype(np.int64)
    return Visits(impressions, times, left, generator.integers(1, readers + 1, number), pages)


def measure(visits: Visits, features: Sequence[str]) -> str:
    """Compute features of all impressions, in parts; say how long it took."""
    before_mib, started = peak_mib(), time.perf_counter()
    number = sum(len(rows) for rows, _ in feature_parts(features, Replay([visits], lag=60), visits))
    seconds = time.perf_counter() - started
    return (
        f"{number:,} impressions, {len(features)} features: {number / seconds:,.0f} impressions/s; "
        f"peak memory {peak_mib():,.0f} MiB, of which {before_mib:,.0f} MiB before it began"
    )
