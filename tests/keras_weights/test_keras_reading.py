import h5py
import numpy as np
import pytest
import torch
from golden_files import load_recording
from keras_files import HDF5, PAIRS, changing, copy, renumbered

from nrms_tf_reference.parity.tolerances import RECORDED
from nrms_torch.keras_weights import KerasWeights, read_keras_weights
from nrms_torch.keras_weights.names import to_keras
from nrms_torch.model.nrms import NRMS


def read(path, recording):
    """Read a file into a new model, strictly, and give its weights under the baseline's names."""
    model = NRMS(recording.model().hyper_parameters, seed=5)
    model.load_state_dict(read_keras_weights(path, model))
    return to_keras(model, model.state_dict())


def assert_recorded(path, recording):
    found, expected = read(path, recording), recording.group("weights")
    assert found.keys() == expected.keys()
    for name, array in expected.items():
        np.testing.assert_array_equal(found[name], array, err_msg=name)


def rename_keras2(path, rename_layer, rename_group=str):
    """Write a Keras 2 file anew under other names of layers and of the outer model's groups."""
    with h5py.File(path) as file:
        groups = [str(name) for name in file.attrs["layer_names"]]
        weights = {
            name: [(str(key), file[name][key][()]) for key in file[name].attrs["weight_names"]]
            for name in groups
        }
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = [rename_group(name) for name in groups]
        for group, arrays in weights.items():
            node = file.create_group(rename_group(group))
            names = [f"{rename_layer(key.split('/')[0])}/{key.split('/')[1]}" for key, _ in arrays]
            node.attrs["weight_names"] = names
            for name, (_, array) in zip(names, arrays, strict=True):
                node[name] = array


def rename_keras3(path, by):
    """Renumber all layers of a Keras 3 file that have a number of their class."""
    with changing(path) as file:
        for name in ("layers/time_distributed/layer/layers", "layers/functional/layers"):
            # The highest first, lest a name is taken.
            for layer in sorted(file[name], key=lambda layer: (len(layer), layer), reverse=True):
                file[name].move(layer, renumbered(layer, by))


@pytest.mark.parametrize(("recording", "file"), PAIRS)
def test_weights_are_those_that_were_recorded(recording, file, tmp_path):
    assert_recorded(copy(file, tmp_path), load_recording(recording))


@pytest.mark.parametrize(("recording", "file"), PAIRS)
def test_a_model_with_these_weights_gives_the_recorded_probabilities(recording, file, tmp_path):
    recording = load_recording(recording)
    model = NRMS(recording.model().hyper_parameters, seed=5).eval()
    model.load_state_dict(read_keras_weights(copy(file, tmp_path), model))
    inputs = recording.inputs
    with torch.inference_mode():
        probabilities = model(recording.table, inputs.history, inputs.candidates).softmax(dim=1)
    expected, atol = recording.arrays["expected/softmax"], RECORDED["softmax"].limit
    np.testing.assert_allclose(probabilities.numpy(), expected, rtol=0, atol=atol)


@pytest.mark.parametrize("ending", ["", ".index", ".data-00000-of-00001"])
def test_a_checkpoint_may_be_named_by_any_of_its_files(ending, tmp_path):
    path = copy("nrms_keras2_tfckpt", tmp_path)
    assert_recorded(path.with_name(path.name + ending), load_recording("nrms"))


@pytest.mark.parametrize("by", [1, 7, 8, 95])
@pytest.mark.parametrize(("recording", "file"), HDF5)
def test_layers_may_have_any_numbers(recording, file, by, tmp_path):
    path = copy(file, tmp_path)
    if "keras2" in file:
        rename_keras2(path, lambda name: renumbered(name, by))
    else:
        rename_keras3(path, by)
    assert_recorded(path, load_recording(recording))


@pytest.mark.parametrize("recording", ["nrms", "nrms_docvec"])
def test_encoders_may_have_any_name(recording, tmp_path):
    path = copy(f"{recording}_keras2.h5", tmp_path)
    rename_keras2(path, str, lambda group: group.replace("user_encoder", "functional_3"))
    assert_recorded(path, load_recording(recording))


def test_names_may_be_bytes_as_older_keras_wrote_them(tmp_path):
    path = copy("nrms_docvec_keras2.h5", tmp_path)
    with changing(path) as file:
        for node, key in [(file, "layer_names"), *((file[name], "weight_names") for name in file)]:
            node.attrs[key] = np.array([str(name).encode() for name in node.attrs[key]], "S")
    assert_recorded(path, load_recording("nrms_docvec"))


def test_an_optimizers_state_and_a_dropouts_seed_are_no_layers(tmp_path):
    path = copy("nrms_docvec_keras3.weights.h5", tmp_path)
    with changing(path) as file:
        file["optimizer/vars/2"] = np.ones((20, 12), np.float32)
        seed = "layers/time_distributed/layer/layers/dropout/seed_generator/vars/0"
        file[seed] = np.array([7, 1], np.uint32)
    assert_recorded(path, load_recording("nrms_docvec"))


@pytest.mark.parametrize(("recording", "file"), PAIRS)
def test_a_file_tells_its_model_and_the_sizes_that_the_data_decided(recording, file, tmp_path):
    weights = KerasWeights.read(copy(file, tmp_path))
    if recording == "nrms_docvec":
        assert weights.model_name == "nrms_docvec"
        assert weights.sizes() == {"document_vector_size": 20}
    else:
        assert weights.model_name == "nrms"
        assert weights.sizes() == {"vocabulary_size": 400, "embedding_size": 24}
