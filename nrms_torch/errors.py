"""The one error that a user's mistake raises, and how it ends a command."""

import sys
from typing import NoReturn

_USAGE_ERROR = 2


class InputError(ValueError):
    """A user's mistake, told in one line: what is wrong, where, and what was expected.

    Commands print the message and exit with status 2, the server answers with it; nothing else
    catches it, but that export goes on where W&B alone cannot be had.
    """


def stop(error: BaseException) -> NoReturn:
    """End a command for a user's mistake: one line on standard error, exit status 2."""
    print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
    sys.exit(_USAGE_ERROR)
