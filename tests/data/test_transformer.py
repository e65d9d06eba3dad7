from pathlib import Path

import numpy as np
import pytest
from tiny_transformer import WORDS, save_tiny_transformer
from transformers import AutoModel, AutoTokenizer

from nrms_torch.data.transformer import load_transformer, transformer_vocabulary, word_embeddings
from nrms_torch.errors import InputError

MINILM = Path(__file__).parents[3] / "shared" / "models" / "all-MiniLM-L6-v2"
needs_minilm = pytest.mark.skipif(
    not MINILM.is_dir(), reason="all-MiniLM-L6-v2 is not at ../shared/models"
)


@pytest.fixture(scope="module")
def transformer(tmp_path_factory):
    return save_tiny_transformer(tmp_path_factory.mktemp("transformer"))


def complaint(call, *arguments):
    with pytest.raises(InputError, match=r"data\.transformer") as raised:
        call(*arguments)
    assert "\n" not in str(raised.value)
    return str(raised.value)


def test_a_vocabulary_starts_on_the_transformers_tokenizer(transformer):
    vocabulary = transformer_vocabulary(transformer)
    assert vocabulary.transformer == transformer
    assert vocabulary.token_ids.tolist() == [0]
    assert [WORDS[id_] for id_ in vocabulary.tokenise(["Quick foxes jump!"], 6)[0]] == [
        "quick",
        "fox",
        "##es",
        "jump",
        "[UNK]",
        "[PAD]",
    ]


def test_word_embeddings_are_the_models_rows_in_the_order_asked(transformer):
    table = AutoModel.from_pretrained(transformer).embeddings.word_embeddings.weight
    token_ids = np.array([5, 0, 13, 5])
    found = word_embeddings(transformer, token_ids)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, table.detach().numpy()[token_ids])


def test_tokens_beyond_the_word_embeddings_are_not_this_transformers(transformer):
    error = complaint(word_embeddings, transformer, np.array([3, len(WORDS)]))
    assert transformer in error
    assert str(len(WORDS)) in error


@pytest.mark.parametrize("name", ["no/such/folder", "/no/such/folder", ""])
@pytest.mark.parametrize("load", [transformer_vocabulary, load_transformer])
def test_a_folder_that_is_not_there_is_named(name, load):
    assert repr(name) in complaint(load, name)


def test_a_hub_name_that_cannot_be_reached_is_named(monkeypatch):
    # The environment's HF_HUB_OFFLINE is read once, when the library is imported.
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    assert "'nobody/no-such-model'" in complaint(transformer_vocabulary, "nobody/no-such-model")


def test_an_empty_folder_is_no_transformer(tmp_path):
    complaint(transformer_vocabulary, str(tmp_path))
    complaint(word_embeddings, str(tmp_path), np.array([0]))


@pytest.mark.parametrize("load", [transformer_vocabulary, load_transformer])
def test_a_tokenizer_without_padding_is_refused(tmp_path, load):
    assert "padding" in complaint(load, save_tiny_transformer(tmp_path, pad=None))


@pytest.mark.parametrize(
    ("file", "kept"), [("model.safetensors", 0), ("model.safetensors", 300), ("config.json", 100)]
)
def test_a_truncated_model_is_refused(tmp_path, file, kept):
    name = save_tiny_transformer(tmp_path)
    (tmp_path / file).write_bytes((tmp_path / file).read_bytes()[:kept])
    assert name in complaint(word_embeddings, name, np.array([0]))


@pytest.mark.parametrize("content", ["", "{}", '{"version": "1.0", "mod'])
def test_a_damaged_tokenizer_is_refused(tmp_path, content):
    name = save_tiny_transformer(tmp_path)
    (tmp_path / "tokenizer.json").write_text(content)
    assert name in complaint(transformer_vocabulary, name)


def test_a_model_without_weights_is_refused(tmp_path):
    name = save_tiny_transformer(tmp_path)
    (tmp_path / "model.safetensors").unlink()
    complaint(word_embeddings, name, np.array([0]))


@needs_minilm
def test_a_published_transformer_gives_its_tokens_and_word_embeddings():
    vocabulary = transformer_vocabulary(str(MINILM))
    token_ids = vocabulary.tokenise(["A title of few words", "Another one"], 8)
    tokenizer = AutoTokenizer.from_pretrained(MINILM)
    own = tokenizer(["A title of few words"], add_special_tokens=False).input_ids[0]
    assert token_ids[0].tolist() == [*own, *[tokenizer.pad_token_id] * (8 - len(own))]
    vocabulary = vocabulary.covering(token_ids)
    found = word_embeddings(str(MINILM), vocabulary.token_ids)
    table = AutoModel.from_pretrained(MINILM).get_input_embeddings().weight.detach().numpy()
    assert found.shape == (len(vocabulary.token_ids), 384)
    np.testing.assert_array_equal(found[vocabulary.localise(token_ids)], table[token_ids])
