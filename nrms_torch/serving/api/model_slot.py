"""The model that answers: absent at first, then replaced whole, between two requests.

A request takes the recommender once and keeps it to its end, so that a swap drops none.
"""

from pathlib import Path
from threading import Lock

from nrms_torch.errors import InputError, first_line
from nrms_torch.serving import Recommender
from nrms_torch.serving.api.problems import ProblemError, unavailable


class ModelSlot:
    """Holds the recommender of a server."""

    def __init__(self, *, threads: int = 1, max_added: int | None = None) -> None:
        """Start empty; `threads` and `max_added` are those of each recommender."""
        self._threads, self._max_added = threads, max_added
        self._loading = Lock()
        self._recommender: Recommender | None = None

    @property
    def is_ready(self) -> bool:
        """Whether there is a model."""
        return self._recommender is not None

    @property
    def recommender(self) -> Recommender:
        """The model that answers now; a 503 while the first is loaded."""
        if self._recommender is None:
            raise unavailable("The model is being loaded.")
        return self._recommender

    def load(self, folder: Path) -> Recommender:
        """Load a bundle, let it answer once, and put it into the slot; takes seconds.

        Raises InputError where the bundle is not whole, and a 409 where another one is being
        loaded: two at a time would be one too many for the memory.
        """
        if not self._loading.acquire(blocking=False):
            raise ProblemError(409, "Another bundle is being loaded.")
        try:
            recommender = Recommender(folder, threads=self._threads, max_added=self._max_added)
            # What is lazy in the first call happens before a reader waits for it.
            recommender.rank(history=[], k=1)
            self._recommender = recommender
            return recommender
        except OSError as error:  # a name that no folder can have, a file that may not be read
            raise InputError(f"bundle: {error.strerror}") from error
        except (InputError, MemoryError):
            raise
        except Exception as error:  # a graph of other shapes, say: whole, but none that we made
            raise InputError(f"bundle: does not answer: {first_line(error)}") from error
        finally:
            self._loading.release()
