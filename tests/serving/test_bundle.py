"""A bundle is whole or refused, in one line that names the file."""

import hashlib
import json
import shutil

import numpy as np
import polars as pl
import pytest
from exported_runs import reseal
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

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


@pytest.mark.parametrize("kind", ["nrms", "nrms_docvec"])
@pytest.mark.parametrize("spoil", [truncate, flip_a_bit, empty, remove])
def test_what_is_served_is_what_was_verified_whatever_becomes_of_the_folder(
    exported, tmp_path, kind, spoil
):
    bundle = shutil.copytree(exported(kind)[1], tmp_path / "served")
    recommender = Recommender(bundle)
    ids = recommender.bundle.articles["article_id"].to_list()
    before = recommender.rank(ids[:3])
    for file in [each for each in bundle.rglob("*") if each.is_file()]:
        spoil(file)
    after = recommender.rank(ids[:3])
    assert after.article_ids == before.article_ids
    np.testing.assert_array_equal(after.scores, before.scores)
    assert recommender.explain(ids[:3], ids[5]).score


def test_articles_features_that_are_asked_for_later_are_verified_again(exported, tmp_path):
    bundle = shutil.copytree(exported("nrms_docvec")[1], tmp_path / "served")
    loaded = Bundle.load(bundle)
    flip_a_bit(bundle / "article_features.npy")
    with pytest.raises(InputError, match=r"article_features\.npy: damaged"):
        _ = loaded.features


def test_an_article_twice_is_told(bundle):
    path = bundle / "articles.parquet"
    table = pl.read_parquet(path)
    first = pl.lit(table["article_id"][0])
    table.with_columns(
        pl.when(pl.int_range(pl.len()) == 1).then(first).otherwise("article_id").alias("article_id")
    ).write_parquet(path)
    reseal(bundle)
    assert "more than once" in refusal(bundle)


def test_vectors_that_are_no_numbers_are_told(bundle):
    path = bundle / "article_vectors.npy"
    vectors = np.load(path)
    vectors[1, 0] = np.inf
    np.save(path, vectors)
    reseal(bundle)
    assert "not finite" in refusal(bundle)


def test_an_array_of_objects_is_not_read(bundle):
    np.save(bundle / "article_vectors.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    reseal(bundle)
    assert "article_vectors.npy: no array of numbers" in refusal(bundle)


values = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.data())
def test_a_manifest_of_anything_is_refused_in_one_line(bundle, data):
    """Whoever can write a manifest can seal it: its digest proves that it is whole, no more."""
    path = bundle / "model.json"
    text = path.read_text()
    manifest = json.loads(text)
    del manifest["digest"]
    part, key = manifest, data.draw(st.sampled_from(["model", "files"]))
    while isinstance(part[key], dict) and part[key] and data.draw(st.booleans()):
        part, key = part[key], data.draw(st.sampled_from(sorted(part[key])))
    part[key] = data.draw(values.filter(lambda value: value != part[key]))
    digest = hashlib.sha256(json.dumps(manifest, sort_keys=True).encode()).hexdigest()
    path.write_text(json.dumps(manifest | {"digest": digest}))
    try:
        Bundle.load(bundle)
    except InputError as error:
        told = str(error)
        if "\n" in told:
            raise AssertionError(told) from error
    finally:
        path.write_text(text)
