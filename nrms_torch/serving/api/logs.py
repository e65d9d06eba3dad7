"""What a server writes to its log: nothing twice in a minute, or a fault fills the disk."""

import logging
import time

_QUIET_S = 60.0
_KINDS = 500


class Seldom(logging.Filter):
    """Lets a message of one kind pass once a minute, and says then how many more there were.

    A kind is the logger, the first words of the message, and the class of the error.
    """

    def __init__(self) -> None:
        super().__init__()
        self._last: dict[tuple[object, ...], float] = {}
        self._more: dict[tuple[object, ...], int] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Say whether a record passes."""
        error = record.exc_info[0] if record.exc_info else None
        kind = (record.name, str(record.msg)[:40], error)
        now = time.monotonic()
        if now - self._last.get(kind, -_QUIET_S) < _QUIET_S:
            self._more[kind] = self._more.get(kind, 0) + 1
            return False
        if len(self._last) >= _KINDS:
            self._last.clear()
            self._more.clear()
        self._last[kind] = now
        if more := self._more.pop(kind, 0):
            record.msg = f"{record.getMessage()} (and {more:,} times more since it was last said)"
            record.args = ()
        return True


def log_seldom() -> None:
    """Make this process log warnings to its standard error, each kind once a minute."""
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(levelname)s: %(message)s"))
    handler.addFilter(Seldom())
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
