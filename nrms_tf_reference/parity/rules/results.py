"""What failed where a rule was broken, in a few words or numbers."""

from nrms_tf_reference.parity.check import Check
from nrms_tf_reference.parity.rules.breaking import Outcome

# The columns of numbers, each the largest of some checks of a recording.
_LARGEST_OF = {
    "softmax": ("softmax", "train_softmax", "final_softmax"),
    "gradient": ("gradient",),
    "losses": ("trajectory_losses",),
    "weights": ("final weights",),
}
_SHOWN = 3


def summary(outcome: Outcome) -> str:
    """Say in a few words what failed."""
    if outcome.failed_tests:
        cases = len(outcome.failed_tests)
        return "the test fails" if cases == 1 else f"{cases} cases fail"
    if outcome.refusal:
        return f"refused: {outcome.refusal}"
    shown = ", ".join(_how_far(check) for check in outcome.misses[:_SHOWN])
    more = len(outcome.misses) - _SHOWN
    return (shown + (f", and {more} more" if more > 0 else "")) or "nothing fails"


def numbers(outcome: Outcome) -> list[str]:
    """Give the largest errors over the tolerances; a refused recording has none."""
    if outcome.refusal:
        return ["refused"]
    largest = []
    for names in _LARGEST_OF.values():
        over = [check.difference for check in outcome.misses if check.what in names]
        largest.append(_number(max(over)) if over else "·")
    return largest


def _how_far(check: Check) -> str:
    of_all = check.note.removesuffix(" that differ") if check.note.startswith("of ") else ""
    return f"{check.what}: {_number(check.difference)} {of_all}".strip()


def _number(value: float) -> str:
    return f"{value:.0f}" if value >= 10 else f"{value:.2g}".replace("e-0", "e-")
