"""A console for what is the user's: titles, paths and settings, which are no markup."""

from rich.console import Console


def plain_console(*, least_width: int = 0) -> Console:
    """Make a console, at least so wide, that prints brackets and `:names:` as they are."""
    console = Console(markup=False, emoji=False)
    if console.width < least_width:
        console.width = least_width
    return console
