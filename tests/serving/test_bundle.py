"""A bundle is whole or refused, in one line that names the file."""

import json
import shutil

import numpy as np
import polars as pl
import pytest
from exported_runs import reseal

from nrms_torch.errors import InputError
from nrms_torch.serving import Bundle, Recommender

FILES = [
    "model.json",
    "news_encoder.onnx",
    "user_encoder.onnx",
    "user_explain.onnx",
    "articles.parquet",
    "article_features.npy",
    "article_vectors.npy",
    "readers.parquet",
    "vocabulary/tokenizer.json",
    "vocabulary/vocabulary.json",
]


@pytest.fixture
def bundle(exported, tmp_path):
    """A bundle that a test may break."""
    return shutil.copytree(exported("nrms")[1], tmp_path / "bundle")


def refusal(bundle):
    with pytest.raises(InputError) as refused:
        Recommender(bundle)
    assert "\n" not in str(refused.value)
    return str(refused.value)


def truncate(file):
    file.write_bytes(file.read_bytes()[:-20])


def flip_a_bit(file):
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


def empty(file):
    file.write_bytes(b"")


def remove(file):
    file.unlink()


def make_a_folder(file):
    file.unlink()
    file.mkdir()


def test_the_files_of_a_bundle_are_these(bundle):
    found = {path.relative_to(bundle).as_posix() for path in bundle.rglob("*") if path.is_file()}
    assert found == set(FILES)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("breaking", [truncate, flip_a_bit, empty, remove, make_a_folder])
def test_a_damaged_or_missing_file_is_told_in_one_line(bundle, name, breaking):
    breaking(bundle / name)
    assert name in refusal(bundle)


def test_an_edited_setting_is_noticed(bundle):
    manifest = json.loads((bundle / "model.json").read_text())
    manifest["model"]["variant"] = "standard"
    (bundle / "model.json").write_text(json.dumps(manifest))
    assert "its digest does not fit" in refusal(bundle)


@pytest.mark.parametrize("kind", ["nrms_docvec", "nrms_dense_layers"])
def test_the_description_of_another_bundle_is_noticed(bundle, exported, kind):
    shutil.copy(exported(kind)[1] / "model.json", bundle)
    assert "news_encoder.onnx" in refusal(bundle)


def test_a_file_of_another_bundle_is_noticed(bundle, exported):
    shutil.copy(exported("nrms", "standard")[1] / "article_vectors.npy", bundle)
    assert "article_vectors.npy: has " in refusal(bundle)


def test_a_file_of_the_same_size_and_other_content_is_noticed(bundle):
    file = bundle / "article_vectors.npy"
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    assert "article_vectors.npy: damaged, or of another bundle" in refusal(bundle)


@pytest.mark.parametrize("content", ["[]", "{}", '{"format": 2}', "null", "\0"])
def test_a_description_of_another_format_is_told(bundle, content):
    (bundle / "model.json").write_text(content)
    assert "model.json" in refusal(bundle)


def test_parts_that_do_not_belong_together_are_refused_however_well_sealed(bundle):
    vectors = np.load(bundle / "article_vectors.npy")
    np.save(bundle / "article_vectors.npy", vectors[:-1])
    reseal(bundle)
    assert "expected (1550, 24)" in refusal(bundle)


def test_a_bundle_without_readers_is_whole(bundle):
    assert len(Recommender(bundle).sample_readers()) == 8
    (bundle / "readers.parquet").unlink()
    reseal(bundle)
    assert Recommender(bundle).sample_readers() == []


def test_readers_of_other_articles_are_refused_however_well_sealed(bundle):
    pl.DataFrame({"history": [["N1", "N2"]]}).write_parquet(bundle / "readers.parquet")
    reseal(bundle)
    assert "readers.parquet has histories of the type List(String)" in refusal(bundle)


def test_a_graph_that_is_none_is_told_in_one_line(bundle):
    (bundle / "user_encoder.onnx").write_bytes(b"no graph")
    reseal(bundle)
    assert "user_encoder.onnx: no graph that onnxruntime" in refusal(bundle)


def test_a_folder_that_is_no_bundle_is_told(tmp_path):
    assert "has no model.json; expected a folder that nrms export made" in refusal(tmp_path)
    assert "has no model.json" in refusal(tmp_path / "nowhere")


def test_vectors_stay_on_the_disk_until_they_are_needed(bundle):
    loaded = Bundle.load(bundle)
    assert isinstance(loaded.vectors, np.memmap)
    assert isinstance(loaded.features, np.memmap)
