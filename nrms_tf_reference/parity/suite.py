"""All checks of all files."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from polars.exceptions import PolarsError

from nrms_tf_reference.parity.check import Check
from nrms_tf_reference.parity.golden import Golden, GoldenTable, read_golden
from nrms_tf_reference.parity.live_reference import reference_outputs, require_tensorflow
from nrms_tf_reference.parity.outputs import our_outputs
from nrms_tf_reference.parity.recording import Recording
from nrms_tf_reference.parity.recording_checks import check_recording
from nrms_tf_reference.parity.table_checks import CHECKS
from nrms_torch.errors import InputError
from nrms_torch.keras_weights import read_keras_weights


@dataclass(frozen=True)
class Comparison:
    """Our outputs beside the expected, both under a recording's names."""

    label: str
    found: Mapping[str, np.ndarray]
    expected: Mapping[str, np.ndarray]


@dataclass
class Results:
    """The rows of the report, the comparisons of its figure, and files that were not golden."""

    checks: list[Check] = field(default_factory=list)
    comparisons: list[Comparison] = field(default_factory=list)
    skipped: list[Path] = field(default_factory=list)

    @property
    def misses(self) -> list[Check]:
        """The checks whose difference is above the tolerance."""
        return [check for check in self.checks if not check.passed]


def run_checks(paths: Iterable[Path], *, weights: Path | None, reference: bool) -> Results:
    """Check golden files and folders of them.

    Args:
        paths: golden `.npz`, metrics JSON, pipeline JSON, or folders.
        weights: a file of Keras, whose weights take the place of each `.npz`'s own.
        reference: run the TensorFlow reference beside each `.npz`.

    Raises:
        InputError: a path is not golden, a file is damaged, the weights fit a model that a file
            does not hold, or TensorFlow is missing.
    """
    if reference:
        require_tensorflow()
    golden, skipped = read_golden(paths)
    has_recording = any(isinstance(one, Recording) for one in golden)
    if not has_recording and (weights or reference):
        raise InputError("paths: weights and reference are for a golden .npz; found none")
    results = Results(skipped=skipped)
    for one in golden:
        _check(one, weights, reference, results)
    return results


def _check(one: Golden, weights: Path | None, reference: bool, results: Results) -> None:
    if isinstance(one, GoldenTable):
        results.checks += _check_table(one)
        return
    if weights:
        one = one.with_weights(read_keras_weights(weights, one.unweighted_model()))
    found = our_outputs(one)
    for suffix, expected in _expectations(one, reference):
        label = f"{one.path.name}{suffix}"
        checks = check_recording(one, found, expected)
        results.comparisons.append(Comparison(label, found, expected))
        results.checks += [replace(check, file=label) for check in checks]


def _check_table(table: GoldenTable) -> list[Check]:
    (check,) = (check for keys, check in CHECKS.items() if keys <= table.content.keys())
    try:
        return check(table.path, table.content)
    except (KeyError, TypeError, PolarsError) as error:
        raise InputError(
            f"{table.path}: damaged; expected the content of a golden file: {error!r}"
        ) from error


def _expectations(
    recording: Recording, reference: bool
) -> Iterator[tuple[str, Mapping[str, np.ndarray]]]:
    """Give what to hold ours against, each with what it adds to the file's name."""
    yield "", recording.arrays
    if reference:
        yield " (live)", reference_outputs(recording)
