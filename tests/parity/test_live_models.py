"""Our models beside the live TensorFlow reference: any shape, any weights, both losses."""

import numpy as np
import pytest

pytest.importorskip(
    "tensorflow", reason="TensorFlow is not installed: pip install 'nrms-torch[parity]'"
)
from hypothesis import Phase, example, given, settings
from made_recordings import make_recording, recordings

from nrms_tf_reference.parity.live_reference import reference_outputs
from nrms_tf_reference.parity.outputs import model_outputs, our_outputs
from nrms_tf_reference.parity.recording import Recording
from nrms_tf_reference.parity.recording_checks import check_recording

pytestmark = pytest.mark.filterwarnings("ignore:::lightning")

SMALLEST = {
    "title_size": 1,
    "history_size": 1,
    "head_num": 1,
    "head_dim": 1,
    "attention_hidden_dim": 1,
    "dropout": 0.0,
    "newsencoder_units_per_layer": [],
    "newsencoder_l2_regularization": 0.0,
    "loss": "log_loss",
    "learning_rate": 1e-4,
}
NRMS = {**SMALLEST, "model": "nrms", "vocab_size": 2, "word_emb_dim": 1}
DOCVEC = {**SMALLEST, "model": "docvec"}
LAYERS = {
    "title_size": 4,
    "history_size": 3,
    "head_num": 3,
    "head_dim": 2,
    "newsencoder_units_per_layer": [5, 6],
    "newsencoder_l2_regularization": 1e-2,
    "loss": "cross_entropy_loss",
}


# A graph of TensorFlow takes seconds to build: few examples, the same on every run, not shrunk.
@settings(
    max_examples=8,
    deadline=None,
    derandomize=True,
    phases=(Phase.explicit, Phase.generate),
)
@given(recordings())
@example(make_recording(NRMS, 1, 1, seed=0))
@example(make_recording(DOCVEC, 1, 1, seed=0))
@example(make_recording(NRMS | LAYERS | {"vocab_size": 7, "word_emb_dim": 3}, 4, 5, seed=1))
@example(make_recording(DOCVEC | LAYERS, 4, 5, seed=2))
def test_outputs_losses_gradients_and_steps_agree(recording):
    found = our_outputs(recording)
    checks = check_recording(recording, found, reference_outputs(recording))
    assert [check for check in checks if missed(check, recording, found)] == []


class InFloat64(Recording):
    """A recording whose model computes in float64."""

    def model(self):
        return super().model().double()


def missed(check, recording, found):
    """Whether a check missed by more than float32's rounding of this very model.

    Where a gradient nearly cancels, ours and TensorFlow's were both seen 2e-5 from float64's.
    """
    if check.passed or check.what != "gradient":
        return not check.passed
    arrays = {
        name: array.astype(np.float64) if array.dtype == np.float32 else array
        for name, array in recording.arrays.items()
    }
    exact = found | model_outputs(InFloat64(recording.path, recording.config, arrays))
    rounding = {each.what: each.difference for each in check_recording(recording, found, exact)}
    return check.difference > 4 * rounding["gradient"]


def test_weights_that_differ_in_one_number_are_told_apart():
    recording = make_recording(DOCVEC | LAYERS, 4, 5, seed=3)
    weights = recording.arrays["weights/user_encoder.pooling.q"].copy()
    weights[0] += 1
    other = type(recording)(
        recording.path,
        recording.config,
        {**recording.arrays, "weights/user_encoder.pooling.q": weights},
    )
    checks = check_recording(recording, model_outputs(recording), reference_outputs(other))
    missed = {check.what for check in checks if not check.passed}
    assert {"softmax", "sigmoid", "user_vectors", "gradient"} <= missed
    assert "news_vectors" not in missed
    assert np.isfinite([check.difference for check in checks]).all()
