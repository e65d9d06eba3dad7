"""Weight files both ways, between our model and live Keras 3."""

import numpy as np
import pytest
import torch

pytest.importorskip(
    "tensorflow", reason="TensorFlow is not installed: pip install 'nrms-torch[parity]'"
)
from live_models import features, trained_module

from nrms_torch.keras_weights import read_keras_weights, write_keras_weights
from nrms_torch.parity.twin import build_twin, give_weights

# Keras' own, where it writes a weight file with NumPy 2.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

KINDS = ("nrms", "nrms_dense_layers", "nrms_docvec")
ARTICLES = 12


@pytest.fixture(scope="module", params=KINDS)
def module(request):
    return trained_module(request.param)


@pytest.fixture(scope="module")
def twin(module):
    """The reference of the module's shapes, with initial weights of its own."""
    return build_twin(module, seed=5)


@pytest.fixture(scope="module")
def rows(module):
    """Histories and candidates as rows of the article table."""
    hp = module.model.hyper_parameters
    rng = np.random.default_rng(2)
    return rng.integers(ARTICLES, size=(6, hp.history_size)), rng.integers(ARTICLES, size=(6, 4))


def our_softmax(module, rows):
    with torch.no_grad():
        return module.model(module.table, *map(torch.from_numpy, rows)).softmax(dim=1).numpy()


def their_softmax(module, twin, rows):
    return twin.softmax(*(features(module)[part] for part in rows))


def largest(array):
    return np.abs(array).max()


def test_what_keras_writes_we_read(module, twin, rows, tmp_path):
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
    assert largest(their_softmax(module, twin, rows) - our_softmax(module, rows)) <= 2e-6
