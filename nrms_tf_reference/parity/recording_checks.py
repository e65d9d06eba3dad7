"""What was computed for a recording, held against the expected: each under its names."""

from collections.abc import Mapping

import numpy as np

from nrms_tf_reference.parity.check import Check, largest_difference
from nrms_tf_reference.parity.recording import Recording
from nrms_tf_reference.parity.tolerances import RECORDED
from nrms_torch.errors import InputError

Arrays = Mapping[str, np.ndarray]
_GRADIENTS, _WEIGHTS = "gradients/", "final_weights/"


def check_recording(recording: Recording, found: Arrays, expected: Arrays) -> list[Check]:
    """Check all that was found, a pass or a training run or both.

    Raises InputError where shapes differ, and where a gradient or a weight is on one side alone.
    """
    for group in (_GRADIENTS, _WEIGHTS):
        if any(name.startswith(group) for name in found):
            _require_same_names(recording, group, found, expected)
    checks: list[Check] = []
    for what in RECORDED:
        if what == "gradient":
            checks += _check_gradient(recording, found, expected)
        elif what == "final weights":
            checks += _check_weights(recording, found, expected)
        elif (name := f"expected/{what}") in found:
            apart = largest_difference(f"{recording.path}: {name}", found[name], expected[name])
            scale, note = _scale(what, expected[name])
            checks.append(_check(recording, what, apart / scale, note))
    return checks


def _check(recording: Recording, what: str, difference: float, note: str) -> Check:
    return Check(recording.path.name, what, difference, RECORDED[what].of(recording), note)


def _scale(what: str, expected: np.ndarray) -> tuple[float, str]:
    """Give what a difference is relative to, and the note that says so."""
    largest = float(np.abs(expected).max())
    if what.endswith("_vectors"):
        # They reach 10, where neighbouring float32 numbers are 1e-6 apart.
        return (largest, f"over {largest:.3g}, the largest") if largest > 1 else (1.0, "")
    if what in ("data_loss", "regularization_loss"):
        return largest or 1.0, "relative"
    return 1.0, f"{len(expected)} steps" if what == "trajectory_losses" else ""


def _check_gradient(recording: Recording, found: Arrays, expected: Arrays) -> list[Check]:
    """Check the gradient as one vector, and show its worst tensor.

    A single tensor is given relative to its own largest entry, and has no tolerance: behind
    BatchNorm over tokens the recorded tensors themselves carry an error of 2e-5.
    """
    names = [name for name in found if name.startswith(_GRADIENTS)]
    if not names:
        return []
    squares, off, relative = 0.0, 0.0, {}
    # At the baseline's initial weights whole tensors cancel down to the float32 rounding of what
    # flows past them, which is no difference of theirs.
    floor = 2.0**-23 * max(float(np.abs(expected[name]).max()) for name in names)
    for name in names:
        theirs = expected[name].astype(np.float64)
        apart = largest_difference(f"{recording.path}: {name}", found[name], theirs)
        squares += float((theirs**2).sum())
        off += float(((found[name] - theirs) ** 2).sum())
        relative[name] = max(0.0, apart - floor) / (float(np.abs(theirs).max()) or 1.0)
    worst = max(names, key=lambda name: relative[name])
    whole = (off / squares) ** 0.5 if squares else off**0.5
    note = f"relative, {worst.removeprefix(_GRADIENTS)}"
    return [
        _check(recording, "gradient", whole, "relative, as one vector"),
        Check(recording.path.name, "gradient, worst tensor", relative[worst], None, note),
    ]


def _check_weights(recording: Recording, found: Arrays, expected: Arrays) -> list[Check]:
    apart = {
        name: largest_difference(f"{recording.path}: {name}", found[name], expected[name])
        for name in found
        if name.startswith(_WEIGHTS)
    }
    if not apart:
        return []
    worst = max(apart, key=lambda name: apart[name])
    note = worst.removeprefix(_WEIGHTS)
    check = _check(recording, "final weights", apart[worst], note)
    if check.passed and apart[worst] > RECORDED["final weights"].limit:
        check = _check(recording, "final weights", apart[worst], f"{note}, after a ReLU edge")
    return [check]


def _require_same_names(recording: Recording, group: str, found: Arrays, expected: Arrays) -> None:
    for name in sorted(found.keys() ^ expected.keys()):
        if name.startswith(group):
            state = "missing" if name in found else "no such parameter in the model"
            raise InputError(f"{recording.path}: {name}: {state}")
