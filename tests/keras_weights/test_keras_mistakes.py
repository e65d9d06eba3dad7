"""Every kind of file that holds no weights, or those of another model: one line that says which."""

import re
import zipfile

import h5py
import numpy as np
import pytest
from golden_files import FOLDER, load_recording
from keras_files import changing, copy, drop_layer, replace_array

from nrms_torch.errors import InputError
from nrms_torch.keras_weights import read_keras_weights
from nrms_torch.model.hyper_parameters import from_mapping
from nrms_torch.model.nrms import NRMS

NEWS3 = "layers/time_distributed/layer/layers"


def assert_refused(path, recording, *parts, **settings):
    """Check that reading fails with one line that holds all `parts`."""
    model = NRMS(from_mapping(load_recording(recording).hyper_parameters | settings))
    with pytest.raises(InputError) as refusal:
        read_keras_weights(path, model)
    message = str(refusal.value)
    assert "\n" not in message
    assert path.name in message
    for part in parts:
        assert part in message


def test_a_file_that_is_not_there(tmp_path):
    assert_refused(tmp_path / "none.h5", "nrms", "no such file")


def test_a_folder(tmp_path):
    assert_refused(tmp_path, "nrms", "is a folder")


def test_a_file_that_is_no_hdf5(tmp_path):
    path = tmp_path / "weights.h5"
    path.write_text("not at all")
    assert_refused(path, "nrms", "neither HDF5 nor a TensorFlow checkpoint")


def test_hdf5_of_something_else(tmp_path):
    path = tmp_path / "table.h5"
    with h5py.File(path, "w") as file:
        file["measurements"] = np.ones(3)
    assert_refused(path, "nrms", "without a layer's weights")


def test_a_whole_model_of_keras_3(tmp_path):
    path = tmp_path / "model.keras"
    with zipfile.ZipFile(path, "w") as archive:
        archive.write(FOLDER / "nrms_keras3.weights.h5", "model.weights.h5")
    assert_refused(path, "nrms", "is a whole model", "model.weights.h5")


def test_a_whole_model_of_keras_2(tmp_path):
    path = tmp_path / "model.h5"
    with h5py.File(path, "w") as file, h5py.File(FOLDER / "nrms_keras2.h5") as weights:
        file.attrs["model_config"] = "{}"
        weights.copy("/", file, "model_weights")
    assert_refused(path, "nrms", "is a whole model", "save_weights")


@pytest.mark.parametrize("file", ["nrms_keras2.h5", "nrms_keras3.weights.h5"])
def test_a_file_cut_short(file, tmp_path):
    path = tmp_path / file
    path.write_bytes((FOLDER / file).read_bytes()[:-5000])
    assert_refused(path, "nrms", "or damaged")


def test_a_checkpoint_without_its_values(tmp_path):
    path = copy("nrms_keras2_tfckpt", tmp_path)
    (tmp_path / f"{path.name}.data-00000-of-00001").unlink()
    assert_refused(path, "nrms", "data-00000-of-00001: no such file")


def test_a_checkpoint_with_too_few_values(tmp_path):
    path = copy("nrms_keras2_tfckpt", tmp_path)
    data = tmp_path / f"{path.name}.data-00000-of-00001"
    data.write_bytes(data.read_bytes()[:3000])
    assert_refused(path, "nrms", "data-00000-of-00001: ends before")


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: content[:-1],
        lambda content: b"",
        lambda content: content[500:],
        lambda content: b"\xff" * 40 + content[40:],
    ],
)
def test_a_checkpoint_with_a_damaged_index(damage, tmp_path):
    path = copy("nrms_keras2_tfckpt", tmp_path)
    index = tmp_path / f"{path.name}.index"
    index.write_bytes(damage(index.read_bytes()))
    assert_refused(path, "nrms", ".index: damaged")


@pytest.mark.parametrize(
    ("file", "layer"),
    [
        ("nrms_keras2.h5", "self_attention_1:"),
        ("nrms_keras2_tfckpt", "layer_with_weights-1/layer_with_weights-1:"),
        ("nrms_keras3.weights.h5", "layers/functional/layers/self_attention:"),
    ],
)
def test_another_number_of_heads(file, layer, tmp_path):
    told = (layer, "user_encoder.self_attention.WQ", "(12, 12)", "expected (15, 15)", "head_num")
    assert_refused(copy(file, tmp_path), "nrms", *told, head_num=5)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"attention_hidden_dim": 8}, ("pooling.W has shape (12, 7), expected (12, 8)",)),
        ({"document_vector_size": 21}, ("dense.0.kernel has shape (20, 12), expected (21, 12)",)),
        (
            {"newsencoder_units_per_layer": [12, 13]},
            ("layer dense_3:", "dense.1.kernel has shape (12, 11), expected (12, 13)"),
        ),
        ({"newsencoder_units_per_layer": [12]}, ("has 3 dense layers", "expected 2 dense layers")),
    ],
)
def test_another_width(settings, told, tmp_path):
    path = copy("nrms_docvec_keras2.h5", tmp_path)
    assert_refused(path, "nrms_docvec", *told, **settings)


def test_another_vocabulary(tmp_path):
    path = copy("nrms_keras3.weights.h5", tmp_path)
    told = ("embedding.embeddings has shape (400, 24), expected (401, 24)", "vocabulary_size")
    assert_refused(path, "nrms", *told, vocabulary_size=401)


def test_weights_of_the_other_model(tmp_path):
    of_titles, of_vectors = (
        copy(f"{name}_keras2.h5", tmp_path) for name in ("nrms", "nrms_docvec")
    )
    assert_refused(of_titles, "nrms_docvec", "1 embedding layer: embedding (400, 24)")
    assert_refused(of_vectors, "nrms", "no embedding layer", "news_encoder.embedding (400, 24)")


@pytest.mark.parametrize(
    ("group", "layer", "told"),
    [
        ("time_distributed_1", "att_layer2", "time_distributed_1 has no att_layer2 layer"),
        ("time_distributed_1", "embedding", "no embedding layer"),
        ("user_encoder", "self_attention_1", "user_encoder has no self_attention layer"),
        ("user_encoder", "self_attention", "user_encoder's news encoder has no self_attention"),
    ],
)
def test_a_missing_layer_of_keras_2(group, layer, told, tmp_path):
    path = copy("nrms_keras2.h5", tmp_path)
    with changing(path) as file:
        drop_layer(file, group, layer)
    assert_refused(path, "nrms", told)


@pytest.mark.parametrize(
    ("layer", "told"),
    [
        (f"{NEWS3}/dense_1", "has 1 dense layer: "),
        (f"{NEWS3}/batch_normalization", "has 1 batch_normalization layer: "),
        (f"{NEWS3}/att_layer2", "has no att_layer2 layer, expected 1"),
        ("layers/functional/layers/att_layer2", "layers/functional/layers has no att_layer2 layer"),
        ("layers/functional", "has no self_attention layer, expected 1"),
        ("layers/time_distributed", "has no embedding layer, expected 1"),
    ],
)
def test_a_missing_layer_of_keras_3(layer, told, tmp_path):
    path = copy("nrms_dense_layers_keras3.weights.h5", tmp_path)
    with changing(path) as file:
        del file[layer]
    assert_refused(path, "nrms_dense_layers", told)


@pytest.mark.parametrize("place", [f"{NEWS3}/dense_7", "layers/dense_7"])
def test_an_extra_layer(place, tmp_path):
    path = copy("nrms_docvec_keras3.weights.h5", tmp_path)
    with changing(path) as file:
        file[f"{place}/vars/0"], file[f"{place}/vars/1"] = np.ones((12, 12)), np.ones(12)
    assert_refused(path, "nrms_docvec", f"{place} (12, 12)")


def test_a_layer_that_no_nrms_has(tmp_path):
    path = copy("nrms_keras3.weights.h5", tmp_path)
    with changing(path) as file:
        file["layers/gru/vars/0"] = np.ones((3, 4, 5))
    assert_refused(path, "nrms", "layers/gru has variables of shapes (3, 4, 5)")


def test_a_layer_without_one_of_its_variables(tmp_path):
    path = copy("nrms_keras2.h5", tmp_path)
    with changing(path) as file:
        for group in ("time_distributed_1", "user_encoder"):
            names = [
                name for name in file[group].attrs["weight_names"] if "attention/WK" not in name
            ]
            file[group].attrs["weight_names"] = names
    assert_refused(path, "nrms", "self_attention has the variables WQ, WV", "WQ, WK, WV")


def test_a_variable_that_is_listed_but_not_there(tmp_path):
    path = copy("nrms_keras2.h5", tmp_path)
    with changing(path) as file:
        del file["user_encoder/att_layer2_1/q:0"]
    assert_refused(path, "nrms", "user_encoder lacks what it lists")


def test_a_transposed_kernel(tmp_path):
    path = copy("nrms_docvec_keras3.weights.h5", tmp_path)
    with changing(path) as file:
        name = f"{NEWS3}/dense/vars/0"
        replace_array(file, name, file[name][()].T)
    told = f"layer {NEWS3}/dense: news_encoder.dense.0.kernel has shape (12, 20), expected (20, 12)"
    assert_refused(path, "nrms_docvec", told, "it is transposed")


def test_news_encoders_that_disagree(tmp_path):
    path = copy("nrms_docvec_keras2.h5", tmp_path)
    with changing(path) as file:
        file["user_encoder/dense_3/bias:0"][4] += 1
    told = ("news_encoder.dense.1.bias differs", "time_distributed_9", "user_encoder")
    assert_refused(path, "nrms_docvec", *told)


def test_a_checkpoint_of_another_type(tmp_path):
    path = copy("nrms_keras2_tfckpt", tmp_path)
    index = tmp_path / f"{path.name}.index"
    # The type is the first field of an entry: float64 in place of float32.
    changed = re.sub(b"VALUE\x08\x01", b"VALUE\x08\x02", index.read_bytes(), count=1)
    index.write_bytes(changed)
    assert_refused(path, "nrms", "expected float32")
