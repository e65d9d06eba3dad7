"""The live TensorFlow reference against what the original computed, as recorded."""

import json
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip(
    "tensorflow", reason="TensorFlow is not installed: pip install 'nrms-torch[parity]'"
)
from nrms_tf_reference.reference import build

GOLDEN = Path(__file__).parents[1] / "golden"
RECORDINGS = sorted(path.stem for path in GOLDEN.glob("*.npz"))


def group(arrays, prefix):
    return {
        name.removeprefix(prefix): array
        for name, array in arrays.items()
        if name.startswith(prefix)
    }


def largest(array):
    return np.abs(array).max()


@pytest.fixture(scope="module", params=RECORDINGS)
def recorded(request):
    with np.load(GOLDEN / f"{request.param}.npz") as file:
        return dict(file)


@pytest.fixture(scope="module")
def config(recorded):
    return json.loads(str(recorded["config"]))


@pytest.fixture(scope="module")
def batch(recorded):
    """Features of the histories and of the candidates, and the labels."""
    table = recorded["inputs/table"]
    rows = (recorded["inputs/history"], recorded["inputs/candidates"])
    return *(table[row] for row in rows), recorded["inputs/labels"]


@pytest.fixture(scope="module")
def built(config):
    return build(config)


@pytest.fixture
def reference(built, recorded):
    built.set_weights(group(recorded, "weights/"))
    return built


@pytest.fixture(scope="module")
def trained(recorded, config):
    """The reference after the recorded steps, and the losses on the way."""
    reference = build(config)
    reference.set_weights(group(recorded, "weights/"))
    table, rows = recorded["inputs/table"], group(recorded, "trajectory/")
    batches = zip(table[rows["history"]], table[rows["candidates"]], rows["labels"], strict=True)
    return reference, reference.fit(batches)[0]


def test_softmax_equals_the_recorded(reference, recorded, batch):
    found = reference.softmax(*batch[:2])
    assert largest(found - recorded["expected/softmax"]) <= 2e-6


def test_single_candidates_with_repeated_histories_score_as_recorded(reference, recorded, batch):
    history, candidates, _ = batch
    expected = recorded["expected/sigmoid"]
    one_a_row = candidates.reshape(expected.size, 1, -1)
    found = reference.score(history.repeat(expected.shape[1], axis=0), one_a_row)
    assert largest(found - expected.ravel()) <= 2e-6


def test_news_and_user_vectors_equal_the_recorded(reference, recorded, batch):
    found = {
        "news_vectors": reference.encode_news(recorded["inputs/table"]),
        "user_vectors": reference.encode_users(batch[0]),
    }
    for name, vectors in found.items():
        expected = recorded[f"expected/{name}"]
        # Vectors reach 10, where neighbouring float32 numbers are 1e-6 apart.
        assert largest(vectors - expected) <= 2e-6 * max(1, largest(expected)), name


def test_training_mode_gives_the_recorded_scores_losses_and_gradients(
    reference, recorded, batch, config
):
    result, gradients = reference.training_pass(*batch)
    assert largest(result.softmax - recorded["expected/train_softmax"]) <= 2e-6
    for name in ("data_loss", "regularization_loss"):
        found = float(getattr(result, name))
        assert found == pytest.approx(recorded[f"expected/{name}"].item(), rel=1e-6, abs=0), name
    expected = group(recorded, "gradients/")
    assert gradients.keys() == expected.keys()
    # Whole tensors cancel down to 1e-10 at the tied start. The floor is one float32 rounding of the
    # largest gradient that flows past them.
    floor = np.finfo(np.float32).eps * max(largest(array) for array in expected.values())
    # Behind BatchNorm over tokens a recorded tensor carries an error of 2e-5 of its own.
    over_tokens = config["model"] == "nrms" and config["newsencoder_units_per_layer"]
    share = 3e-5 if over_tokens else 1e-5
    for name, array in expected.items():
        assert largest(gradients[name] - array) <= share * largest(array) + floor, name
    difference, whole = (
        np.concatenate([each.ravel() for each in arrays])
        for arrays in ([gradients[name] - expected[name] for name in expected], expected.values())
    )
    assert np.linalg.norm(difference) <= 1e-5 * np.linalg.norm(whole)


def test_losses_of_the_recorded_steps_equal_the_recorded(trained, recorded):
    assert largest(trained[1] - recorded["expected/trajectory_losses"]) <= 5e-5


def test_final_weights_and_scores_equal_the_recorded(trained, recorded, config, batch):
    reference, _ = trained
    expected, found = group(recorded, "final_weights/"), reference.get_weights()
    assert found.keys() == expected.keys()
    # With dense layers a ReLU may come to sit on a rounding edge.
    tolerance = 1e-3 if config["newsencoder_units_per_layer"] else 5e-5
    for name, array in expected.items():
        assert largest(found[name] - array) <= tolerance, name
    softmax = reference.softmax(*batch[:2])
    assert largest(softmax - recorded["expected/final_softmax"]) <= 5e-5
