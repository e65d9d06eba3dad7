"""The live TensorFlow reference against what the original computed, as recorded."""

import pytest

pytest.importorskip(
    "tensorflow", reason="TensorFlow is not installed: pip install 'nrms-torch[parity]'"
)
from golden_files import RECORDINGS, load_recording

from nrms_tf_reference.parity.live_reference import reference_outputs
from nrms_tf_reference.parity.recording_checks import check_recording
from nrms_tf_reference.parity.tolerances import GRADIENT_TENSOR, OF_REFERENCE, RECORDED


@pytest.fixture(scope="module", params=RECORDINGS)
def recording(request):
    return load_recording(request.param)


@pytest.fixture(scope="module")
def checks(recording):
    """All checks of the reference's outputs, by name."""
    checks = check_recording(recording, reference_outputs(recording), recording.arrays)
    return {check.what: check for check in checks}


@pytest.mark.parametrize("what", RECORDED)
def test_the_reference_gives_the_recorded(checks, what):
    assert checks[what].passed, checks[what]
    assert checks[what].difference <= OF_REFERENCE.get(what, checks[what].tolerance), checks[what]


def test_each_tensor_of_the_gradient_equals_the_recorded(recording, checks):
    worst = checks["gradient, worst tensor"]
    assert worst.difference <= GRADIENT_TENSOR.of(recording), worst
