"""What can be known of candidates at the moment when they are ranked: the raw counts.

The one list of questions that features are made of. `Replay` answers them for a whole split, and
`Counters` for a ranking now; both in whole numbers, so that they can be equal.
"""

from typing import Protocol

import numpy as np

# An article shown in a list of n got 1/n of a click by chance; counted in so many parts.
SHARE_UNITS = 2**32
# What is known of a reader's own visits goes back so far.
READER_MEMORY_S = 7 * 86_400
NEVER = -1


class Counts(Protocol):
    """Answers for the N candidates of I impressions, each (N,) int64.

    Impression i has the candidates `offsets[i]` to `offsets[i + 1]`. Windows are in seconds.
    """

    offsets: np.ndarray

    def clicks(self, seconds: int) -> np.ndarray:
        """Everybody's clicks."""

    def expected(self, seconds: int) -> np.ndarray:
        """The clicks by chance of the time that `clicks` looks at, in SHARE_UNITS."""

    def shown(self, seconds: int) -> np.ndarray:
        """The clicks by chance of lists that were shown, in SHARE_UNITS."""

    def opened(self, seconds: int) -> np.ndarray:
        """How often somebody was on the article's own page."""

    def since_first_shown(self) -> np.ndarray:
        """Seconds since the article was first shown, NEVER if it was not."""

    def since_click(self) -> np.ndarray:
        """Seconds since the last click, NEVER if there was none."""

    def seen(self, seconds: int) -> np.ndarray:
        """How often the reader was shown the article, in READER_MEMORY_S at most."""

    def since_seen(self) -> np.ndarray:
        """Seconds since the reader was last shown the article, NEVER if not lately."""

    def since_read(self) -> np.ndarray:
        """Seconds since the reader last clicked or opened the article, NEVER if not lately."""

    def is_open(self) -> np.ndarray:
        """1 where the article is the page that the reader is on."""


def offsets_of(sizes: np.ndarray) -> np.ndarray:
    """Give the offsets (I + 1,) of lists of these sizes (I,)."""
    return np.concatenate([[0], np.cumsum(sizes)])


def share_of_lists(sizes: np.ndarray) -> np.ndarray:
    """Give the clicks by chance of an article in a list of each size (L,), in SHARE_UNITS."""
    return np.asarray(np.rint(SHARE_UNITS / sizes), dtype=np.int64)
