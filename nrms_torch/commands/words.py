"""The words of a command line, before they are settings."""

from collections.abc import Sequence

from nrms_torch.configuration import quoted
from nrms_torch.errors import InputError

_BRACKETS = {"[": 1, "{": 1, "]": -1, "}": -1}


def joined(words: Sequence[str]) -> list[str]:
    """Put a list together again that the shell cut at its blanks: `history=[1, 2]`."""
    found: list[str] = []
    depth = 0
    for word in words:
        if depth > 0:
            found[-1] += f" {word}"
        else:
            found.append(word)
            depth = 0
        opens = sum(_BRACKETS.get(letter, 0) for letter in word)
        is_value = depth > 0 or word.partition("=")[2][:1] in ("[", "{")
        depth = depth + opens if is_value else 0
    # A bracket that never closes belongs to one word, a path's for one.
    return list(words) if depth > 0 else found


def with_bare_words(words: Sequence[str], setting: str | None, *, many: bool) -> list[str]:
    """Give the words without a `=` that come first to `setting`: `runs/demo` is `run=runs/demo`.

    InputError for one word too many.
    """
    count = next((i for i, word in enumerate(words) if "=" in word or word[:1] == "~"), len(words))
    bare, rest = list(words[:count]), list(words[count:])
    if not bare:
        return rest
    if setting is None or (len(bare) > 1 and not many):
        raise InputError(f"{bare[-1]!r}: expected a setting, name=value")
    value = f"[{','.join(map(quoted, bare))}]" if many else quoted(bare[0])
    return [f"{setting}={value}", *rest]
