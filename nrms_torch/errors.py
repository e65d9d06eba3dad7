"""The one error that a user's mistake raises, and how it ends a command."""

import sys
from collections.abc import Iterable
from difflib import get_close_matches
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


def nearest(word: str, known: Iterable[str]) -> str:
    """Give `; did you mean x?` for the nearest of the known words; nothing where none is near."""
    folded = {each.casefold(): each for each in known}
    found = get_close_matches(word.casefold(), folded, n=1)
    return f"; did you mean {folded[found[0]]}?" if found else ""


def first_line(error: BaseException) -> str:
    """Give the first line of an error's message, or its kind where it says nothing."""
    return next(iter(str(error).splitlines()), type(error).__name__)
