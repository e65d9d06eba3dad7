"""Weight files both ways, between our model and live Keras 3."""

import numpy as np
import pytest
import torch

pytest.importorskip(
    "tensorflow", reason="TensorFlow is not installed: pip install 'nrms-torch[parity]'"
)
from made_recordings import ROWS, make_recording

from nrms_tf_reference.parity.tolerances import RECORDED
from nrms_tf_reference.parity.twin import build_twin, give_weights
from nrms_torch.keras_weights import read_keras_weights, write_keras_weights
from nrms_torch.training.lightning_module import NRMSModule

# Keras' own, where it writes a weight file with NumPy 2.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

SIZES = {
    "history_size": 4,
    "head_num": 2,
    "head_dim": 3,
    "attention_hidden_dim": 5,
    "dropout": 0.2,
    "newsencoder_units_per_layer": [],
    "newsencoder_l2_regularization": 1e-4,
    "loss": "cross_entropy_loss",
    "learning_rate": 1e-3,
}
NRMS = {**SIZES, "model": "nrms", "title_size": 7, "vocab_size": 20, "word_emb_dim": 8}
MODELS = {
    "nrms": NRMS,
    "nrms, dense layers": NRMS | {"newsencoder_units_per_layer": [4, 6]},
    "docvec": {
        **SIZES,
        "model": "docvec",
        "title_size": 9,
        # Layers of one shape: a mix-up would show in the scores alone.
        "newsencoder_units_per_layer": [6, 6, 6],
    },
}


@pytest.fixture(scope="module", params=MODELS)
def module(request):
    """A module whose weights, moving statistics among them, are far from a start."""
    recording = make_recording(MODELS[request.param], 6, 4, seed=1)
    training = {name: recording.config[name] for name in ("learning_rate", "loss")}
    module = NRMSModule(recording.hyper_parameters, training, seed=0)
    module.model.load_state_dict(recording.model().state_dict())
    module.table = recording.table
    return module.eval()


@pytest.fixture(scope="module")
def twin(module):
    """The reference of the module's shapes, with initial weights of its own."""
    return build_twin(module, seed=5)


@pytest.fixture(scope="module")
def rows():
    """Histories and candidates as rows of the article table."""
    rng = np.random.default_rng(2)
    return rng.integers(ROWS, size=(6, SIZES["history_size"])), rng.integers(ROWS, size=(6, 4))


def our_softmax(module, rows):
    with torch.no_grad():
        return module.model(module.table, *map(torch.from_numpy, rows)).softmax(dim=1).numpy()


def their_softmax(module, twin, rows):
    return twin.softmax(*(module.table.numpy()[part] for part in rows))


def largest(array):
    return np.abs(array).max()


def test_what_keras_writes_we_read(module, twin, tmp_path):
    give_weights(module, twin)
    path = tmp_path / "theirs.weights.h5"
    twin.save_weights(path)
    state = read_keras_weights(path, module.model)
    expected = module.model.state_dict()
    assert state.keys() == expected.keys()
    assert all(torch.equal(state[name], tensor) for name, tensor in expected.items())


# Ours holds no optimizer; Keras says that it did not find one.
@pytest.mark.filterwarnings("ignore:Skipping variable loading for optimizer")
@pytest.mark.filterwarnings("ignore:Could not load")
def test_what_we_write_keras_loads_and_scores_as_we_do(module, twin, rows, tmp_path):
    other = {name: 0 * array for name, array in twin.get_weights().items()}
    twin.set_weights(other)
    assert largest(their_softmax(module, twin, rows) - our_softmax(module, rows)) > 1e-3
    path = tmp_path / "ours.weights.h5"
    write_keras_weights(path, module.model)
    twin.load_weights(path)
    apart = largest(their_softmax(module, twin, rows) - our_softmax(module, rows))
    assert apart <= RECORDED["softmax"].limit
