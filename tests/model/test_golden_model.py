"""Outputs, losses and gradients of one pass against the recorded TensorFlow baseline."""

import numpy as np
import pytest
from golden_files import RECORDINGS, load_recording

from nrms_tf_reference.parity.outputs import model_outputs
from nrms_tf_reference.parity.recording_checks import check_recording
from nrms_tf_reference.parity.tolerances import GRADIENT_TENSOR
from nrms_torch.keras_weights.names import from_keras, to_keras


@pytest.fixture(params=RECORDINGS, scope="module")
def recording(request):
    return load_recording(request.param)


@pytest.fixture(scope="module")
def checks(recording):
    """The checks of one pass by name."""
    checks = check_recording(recording, model_outputs(recording), recording.arrays)
    return {check.what: check for check in checks}


def test_weights_come_back_from_our_names_unchanged(recording):
    model, weights = recording.model(), recording.group("weights")
    there_and_back = to_keras(model, from_keras(model, weights))
    assert there_and_back.keys() == weights.keys()
    for name, array in weights.items():
        np.testing.assert_array_equal(there_and_back[name], array, err_msg=name)


def test_a_weight_that_is_missing_is_named(recording):
    weights = recording.group("weights")
    del weights["user_encoder.pooling.q"]
    with pytest.raises(KeyError, match=r"user_encoder\.pooling\.q"):
        from_keras(recording.model(), weights)


@pytest.mark.parametrize(
    "what",
    [
        "softmax",
        "sigmoid",
        "train_softmax",
        "news_vectors",
        "user_vectors",
        "data_loss",
        "regularization_loss",
        "gradient",
    ],
)
def test_one_pass_gives_the_recorded(checks, what):
    assert checks[what].tolerance is not None
    assert checks[what].passed, checks[what]


def test_each_tensor_of_the_gradient_equals_the_recorded(recording, checks):
    worst = checks["gradient, worst tensor"]
    assert worst.difference <= GRADIENT_TENSOR.of(recording), worst
