"""The one error that a user's mistake raises."""


class InputError(ValueError):
    """A user's mistake, told in one line: what is wrong, where, and what was expected.

    Commands print the message and exit with status 2; nothing else of the package catches it.
    """
