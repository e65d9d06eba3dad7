from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch
from tiny_transformer import save_tiny_transformer
from transformers import AutoModel, AutoTokenizer

from nrms_torch.data.articles import vector_table
from nrms_torch.data.embedding import embed_texts, write_vectors
from nrms_torch.errors import InputError

MINILM = Path(__file__).parents[3] / "shared" / "models" / "all-MiniLM-L6-v2"
TEXTS = ["Quick foxes", "", "news.", "lazy dog jump over lazy fox . " * 9, "brown", "Quick foxes"]


@pytest.fixture(scope="module")
def transformer(tmp_path_factory):
    return save_tiny_transformer(tmp_path_factory.mktemp("transformer"))


def embedded(texts, transformer, batch_size=4):
    return embed_texts(texts, transformer, batch_size=batch_size, advance=lambda size: None)


def test_a_vector_is_the_mean_of_the_last_hidden_states_at_length_1(transformer):
    tokenizer = AutoTokenizer.from_pretrained(transformer)
    model = AutoModel.from_pretrained(transformer).eval()
    found = embedded(TEXTS, transformer)
    assert found.dtype == np.float32
    for text, vector in zip(TEXTS, found, strict=True):
        with torch.no_grad():
            states = model(**tokenizer(text, return_tensors="pt")).last_hidden_state[0]
        mean = states.mean(dim=0).numpy()
        np.testing.assert_allclose(vector, mean / np.linalg.norm(mean), rtol=0, atol=1e-6)


@pytest.mark.parametrize("batch_size", [1, 2, 5, 100])
def test_vectors_depend_neither_on_the_batch_nor_on_the_order(transformer, batch_size):
    expected = embedded(TEXTS, transformer)
    order = [4, 0, 3, 5, 1, 2]
    found = embedded([TEXTS[row] for row in order], transformer, batch_size)
    np.testing.assert_allclose(found, expected[order], rtol=0, atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, rtol=1e-6)


def test_different_texts_have_different_vectors(transformer):
    found = embedded(TEXTS, transformer)
    np.testing.assert_allclose(found[0], found[5], rtol=0, atol=1e-6)
    assert np.abs(found[0] - found[4]).max() > 1e-2


def test_no_texts_give_no_vectors(transformer):
    assert embedded([], transformer).shape == (0, 8)


def test_a_text_counts_up_to_its_256th_token(transformer):
    whole = "dog " * 253 + "fox"  # and two tokens that the tokenizer adds
    found, beyond, other = embedded([whole, whole + " news" * 50, "dog " * 254], transformer)
    np.testing.assert_allclose(beyond, found, rtol=0, atol=1e-6)
    assert np.abs(other - found).max() > 1e-4


def test_texts_without_any_token_are_zeros(tmp_path):
    """As where the tokenizer adds no tokens of its own, however many such texts there are."""
    name = save_tiny_transformer(tmp_path)
    tokenizer = AutoTokenizer.from_pretrained(name)
    tokenizer.backend_tokenizer.post_processor = None
    tokenizer.save_pretrained(name)
    found = embedded(["", "fox", "", ""], name, batch_size=2)
    assert np.linalg.norm(found, axis=1).round(5).tolist() == [0.0, 1.0, 0.0, 0.0]


def test_progress_is_told_of_every_text_once(transformer):
    told = []
    embed_texts(TEXTS, transformer, batch_size=4, advance=told.append)
    assert told == [4, 2]


def test_a_transformer_that_is_not_there_is_the_users_mistake(tmp_path):
    with pytest.raises(InputError, match="cannot load"):
        embedded(TEXTS, str(tmp_path / "none"))


def test_word_embeddings_of_more_words_than_the_tokenizer_has_are_allowed(tmp_path):
    name = save_tiny_transformer(tmp_path, spare=50)
    assert embedded(TEXTS, name).shape == (6, 8)


@pytest.mark.parametrize("ids", [[7, 5, 6], ["N7", "N5", "N6"]], ids=["EB-NeRD", "MIND"])
def test_written_vectors_are_read_back_exactly(tmp_path, ids):
    vectors = np.random.default_rng(0).normal(size=(3, 5)).astype(np.float32)
    file = tmp_path / "new folder" / "vectors.parquet"
    write_vectors(file, pl.Series(ids), vectors)
    table = vector_table(file)
    assert table.ids.to_list() == ids
    np.testing.assert_array_equal(table.features[1:], vectors)
    assert list(file.parent.iterdir()) == [file]


def test_writing_again_replaces_the_file(tmp_path):
    file = tmp_path / "vectors.parquet"
    write_vectors(file, pl.Series([1]), np.ones((1, 3), dtype=np.float32))
    write_vectors(file, pl.Series([1, 2]), np.ones((2, 4), dtype=np.float32))
    assert vector_table(file).features.shape == (3, 4)


@pytest.mark.skipif(not MINILM.is_dir(), reason="all-MiniLM-L6-v2 is not at ../shared/models")
def test_a_published_transformer_puts_like_texts_close():
    football, goal, tax = embedded(
        ["The striker scored twice", "Two goals by the forward", "Income tax is to rise"],
        str(MINILM),
    )
    assert football.shape == (384,)
    assert football @ goal > football @ tax + 0.1
