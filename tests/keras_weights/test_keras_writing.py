import pytest
import torch
from golden_files import FOLDER, load_recording
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from keras_files import tree

from nrms_torch.errors import InputError
from nrms_torch.keras_weights import read_keras_weights, write_keras_weights
from nrms_torch.model.hyper_parameters import from_mapping
from nrms_torch.model.nrms import NRMS

SIZE = st.integers(1, 5)


@st.composite
def models(draw):
    """Models of any shape with weights all different, and dense layers up to a second digit."""
    heads = {"head_num": draw(SIZE), "head_dim": draw(SIZE), "attention_hidden_dim": draw(SIZE)}
    width = heads["head_num"] * heads["head_dim"]
    units = draw(st.lists(SIZE, max_size=3) | st.lists(st.just(width), min_size=9, max_size=12))
    if draw(st.booleans()):
        own = {"name": "nrms_docvec", "document_vector_size": draw(SIZE)}
    else:
        own = {"name": "nrms", "vocabulary_size": draw(SIZE), "embedding_size": draw(SIZE)}
        units = units and [*units, width]
    model = NRMS(from_mapping(own | heads | {"newsencoder_units_per_layer": units}))
    for number, tensor in enumerate(model.state_dict().values()):
        tensor.copy_(torch.rand(tensor.shape) + number)
    return model


@given(models())
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_what_is_written_is_read_back_exactly(tmp_path, model):
    path = tmp_path / "model.weights.h5"
    write_keras_weights(path, model)
    found = read_keras_weights(path, model)
    assert found.keys() == model.state_dict().keys()
    assert all(torch.equal(found[name], tensor) for name, tensor in model.state_dict().items())


@pytest.mark.parametrize("recording", ["nrms", "nrms_dense_layers", "nrms_docvec"])
def test_a_file_is_built_as_keras_builds_it(recording, tmp_path):
    path = tmp_path / "made" / "model.weights.h5"
    write_keras_weights(path, load_recording(recording).model())
    recorded = tree(FOLDER / f"{recording}_keras3.weights.h5")
    of_layers = {name: node for name, node in recorded.items() if not name.startswith("optimizer")}
    assert tree(path) == of_layers
    assert [file.name for file in path.parent.iterdir()] == ["model.weights.h5"]


def test_a_name_that_keras_refuses_to_load_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"model\.h5: expected a name that ends in \.weights\.h5"):
        write_keras_weights(tmp_path / "model.h5", load_recording("nrms").model())
