"""The end of a server: what has begun may finish, but not take for ever."""

import math
import time

from nrms_torch.serving.api.problems import unavailable

# What a long upload may still take after SIGTERM, and what a body may that is on its way.
FINISH_S, _ARRIVE_S = 30, 5
# Of that, kept to answer those that did not finish.
_ANSWER_S = 5


class Ending:
    """Whether the server ends, and until when what has begun may go on."""

    def __init__(self) -> None:
        self._begun = math.inf

    def begin(self) -> None:
        """Say that the server is to end."""
        self._begun = min(self._begun, time.monotonic())

    def require_time_to_arrive(self) -> None:
        """Raise a 503 where a body that still arrives is not waited for any longer."""
        self._require(_ARRIVE_S)

    def require_time_to_work(self) -> None:
        """Raise a 503 where work that has begun is to be given up; any thread may ask."""
        self._require(FINISH_S - _ANSWER_S)

    def _require(self, seconds: float) -> None:
        if time.monotonic() > self._begun + seconds:
            raise unavailable("The server is ending.")
