"""Whole training runs, through Lightning, against those recorded of the TensorFlow baseline."""

import numpy as np
import pytest
from golden_files import RECORDINGS, load_recording

from nrms_tf_reference.parity.outputs import training_outputs
from nrms_tf_reference.parity.recording_checks import check_recording

pytestmark = pytest.mark.filterwarnings("ignore:::lightning")


@pytest.fixture(params=RECORDINGS, scope="module")
def run(request):
    """A recording, and what training on its steps gives, under its names."""
    recording = load_recording(request.param)
    return recording, training_outputs(recording)


@pytest.mark.parametrize("what", ["trajectory_losses", "final weights", "final_softmax"])
def test_a_training_run_gives_the_recorded(run, what):
    recording, found = run
    checks = {each.what: each for each in check_recording(recording, found, recording.arrays)}
    assert checks[what].tolerance is not None
    assert checks[what].passed, checks[what]


def test_losses_have_the_l2_term_in_them(run):
    recording, found = run
    expected = recording.group("expected")
    # The trajectory starts with the batch whose two losses are recorded apart.
    first = found["expected/trajectory_losses"][0]
    assert first == pytest.approx(expected["data_loss"] + expected["regularization_loss"])


@pytest.mark.parametrize("run", ["nrms_tied_init"], indirect=True)
def test_weights_with_gradients_below_eps_move_as_far_as_recorded(run):
    recording, found = run
    start, end = recording.group("weights"), recording.group("final_weights")
    for name in (
        f"{part}_encoder.self_attention.{W}" for part in ("news", "user") for W in ("WQ", "WK")
    ):
        way = np.linalg.norm(end[name] - start[name])
        off = np.linalg.norm(found[f"final_weights/{name}"] - end[name])
        assert off <= 0.02 * way, name
