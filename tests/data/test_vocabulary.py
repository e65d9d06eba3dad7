import json
import os
import subprocess
import sys
import unicodedata

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_impressions import unhurried
from tokenizers import Tokenizer, models, pre_tokenizers

from nrms_torch.data.vocabulary import Vocabulary, from_tokenizer, train_vocabulary
from nrms_torch.errors import InputError

# Padding is no token 0 in many tokenizers, such as XLM-RoBERTa's.
WORDS = ["<s>", "red", "fox", "<pad>", "dog", "blue", "bird", "<unk>"]
PAD_ID, UNKNOWN_ID = 3, 7
texts = st.lists(st.lists(st.sampled_from([*WORDS[1:7], "cat"]), max_size=8).map(" ".join))


def word_level():
    tokenizer = Tokenizer(
        models.WordLevel({word: id_ for id_, word in enumerate(WORDS)}, unk_token="<unk>")
    )
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return from_tokenizer(tokenizer, PAD_ID, "some/transformer")


def titles(number=400):
    """Titles of invented words, with many pairs of letters that are equally frequent."""
    rng = np.random.default_rng(0)
    letters = np.array(list("abcdefghijklmnopqrstuvwxyzæøå"))
    words = ["".join(rng.choice(letters, rng.integers(1, 7))) for _ in range(number // 2)]
    return [" ".join(rng.choice(words, 7)) for _ in range(number)]


def test_training_gives_the_same_tokenizer_each_time_and_in_any_process():
    here = [train_vocabulary(titles(), 500).tokenizer.to_str() for _ in range(3)]
    program = (
        "import json, sys; from nrms_torch.data.vocabulary import train_vocabulary; "
        "print(train_vocabulary(json.load(sys.stdin), 500).tokenizer.to_str())"
    )
    elsewhere = [
        subprocess.run(
            [sys.executable, "-c", program],
            input=json.dumps(titles()),
            env=os.environ | {"TOKENIZERS_PARALLELISM": parallel, "RAYON_NUM_THREADS": threads},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.removesuffix("\n")
        for parallel, threads in (("false", "1"), ("true", "4"))
    ]
    assert len({*here, *elsewhere}) == 1


def test_a_trained_vocabulary_keeps_all_its_tokens_in_place():
    vocabulary = train_vocabulary(titles(), 300)
    size = vocabulary.tokenizer.get_vocab_size()
    assert 100 < size <= 300
    np.testing.assert_array_equal(vocabulary.token_ids, np.arange(size))
    assert vocabulary.pad == 0
    assert vocabulary.transformer is None
    token_ids = vocabulary.tokenise(titles(), 12)
    assert vocabulary.covering(token_ids).token_ids.tolist() == vocabulary.token_ids.tolist()


def test_training_folds_case_and_forms_of_one_letter():
    vocabulary = train_vocabulary(["blå båd", "blå bil"] * 3)
    folded = vocabulary.tokenise(["blå båd"], 6)
    shouted = vocabulary.tokenise([unicodedata.normalize("NFD", "BLÅ BÅD")], 6)
    np.testing.assert_array_equal(folded, shouted)


def test_one_word_of_two_parts_is_not_tokenised_as_two_words():
    vocabulary = train_vocabulary(["fox news", "an out"] * 3)
    together, apart = vocabulary.tokenise(["outfox", "out fox"], 6).tolist()
    assert together != apart


@pytest.mark.parametrize("wordless", [[], ["", "  "]])
def test_texts_without_a_word_train_nothing(wordless):
    with pytest.raises(InputError, match="no word"):
        train_vocabulary(wordless)


def test_titles_are_cut_and_padded_behind():
    token_ids = word_level().tokenise(["red fox dog blue", "bird", ""], 3)
    assert token_ids.tolist() == [[1, 2, 4], [6, PAD_ID, PAD_ID], [PAD_ID] * 3]


def test_a_new_vocabulary_keeps_token_0_and_padding_alone():
    vocabulary = word_level()
    assert vocabulary.token_ids.tolist() == [0, PAD_ID]
    assert vocabulary.token_ids[vocabulary.pad] == PAD_ID


def test_padding_may_be_token_0():
    vocabulary = from_tokenizer(word_level().tokenizer, 0, "some/transformer")
    assert (vocabulary.token_ids.tolist(), vocabulary.pad) == ([0], 0)


def test_the_tokenizers_own_padding_and_truncation_do_not_interfere():
    tokenizer = word_level().tokenizer
    tokenizer.enable_padding(length=9, pad_id=UNKNOWN_ID, pad_token="<unk>")
    tokenizer.enable_truncation(2)
    token_ids = from_tokenizer(tokenizer, PAD_ID, "some/transformer").tokenise(["red fox dog"], 4)
    assert token_ids.tolist() == [[1, 2, 4, PAD_ID]]


def test_covering_appends_new_tokens_behind_the_known_ones():
    first = word_level().covering(np.array([[6, 2, 6]]))
    second = first.covering(np.array([[5, 2, 1]]))
    assert first.token_ids.tolist() == [0, 3, 2, 6]
    assert second.token_ids.tolist() == [0, 3, 2, 6, 1, 5]
    assert word_level().token_ids.tolist() == [0, 3]


@unhurried
@given(texts, texts, st.integers(1, 6))
def test_the_cut_is_neutral(old, new, title_size):
    """Local tokens stand for the tokenizer's own ids, of old articles and of those added later."""
    vocabulary = word_level()
    row = {word: id_ for id_, word in enumerate(WORDS)}
    for batch in (old, new):
        token_ids = vocabulary.tokenise(batch, title_size)
        vocabulary = vocabulary.covering(token_ids)
        local = vocabulary.localise(token_ids)
        assert local.dtype == np.int32
        for text, tokens in zip(batch, vocabulary.token_ids[local].tolist(), strict=True):
            own = [row.get(word, UNKNOWN_ID) for word in text.split()]
            assert tokens == (own + [PAD_ID] * title_size)[:title_size]
    assert vocabulary.token_ids[0] == 0
    assert vocabulary.token_ids[vocabulary.pad] == PAD_ID
    assert len(np.unique(vocabulary.token_ids)) == len(vocabulary.token_ids)


@pytest.mark.parametrize("make", [word_level, lambda: train_vocabulary(titles(), 300)])
def test_a_saved_vocabulary_comes_back_as_it_was(tmp_path, make):
    vocabulary = make()
    vocabulary = vocabulary.covering(vocabulary.tokenise(["red dog", "bird"], 4))
    vocabulary.save(tmp_path / "run" / "vocabulary")
    loaded = Vocabulary.load(tmp_path / "run" / "vocabulary")
    assert loaded.tokenizer.to_str() == vocabulary.tokenizer.to_str()
    assert loaded.token_ids.tolist() == vocabulary.token_ids.tolist()
    assert (loaded.pad, loaded.transformer) == (vocabulary.pad, vocabulary.transformer)


def test_saving_again_replaces_and_leaves_nothing_else(tmp_path):
    word_level().save(tmp_path)
    word_level().covering(np.array([5])).save(tmp_path)
    assert Vocabulary.load(tmp_path).token_ids.tolist() == [0, 3, 5]
    assert {path.name for path in tmp_path.iterdir()} == {"tokenizer.json", "vocabulary.json"}


@pytest.mark.parametrize("name", ["tokenizer.json", "vocabulary.json"])
def test_a_missing_vocabulary_file_is_named(tmp_path, name):
    word_level().save(tmp_path)
    (tmp_path / name).unlink()
    with pytest.raises(InputError, match=name):
        Vocabulary.load(tmp_path)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("tokenizer.json", ""),
        ("tokenizer.json", '{"version": "1.0", "model": {"type": "WordLe'),
        ("vocabulary.json", ""),
        ("vocabulary.json", '{"pad": 0, "transformer": null'),
        ("vocabulary.json", '{"pad": 0, "transformer": null}'),
        ("vocabulary.json", '{"pad": 0, "transformer": null, "token_ids": ["a"]}'),
        ("vocabulary.json", "[]"),
    ],
)
def test_a_damaged_vocabulary_is_the_users_to_know(tmp_path, name, content):
    word_level().save(tmp_path)
    (tmp_path / name).write_text(content)
    with pytest.raises(InputError, match="damaged vocabulary") as raised:
        Vocabulary.load(tmp_path)
    assert str(tmp_path) in str(raised.value)
    assert "\n" not in str(raised.value)


def test_tokens_that_are_not_kept_are_left_out_where_a_vocabulary_cannot_grow():
    vocabulary = word_level()
    vocabulary = vocabulary.covering(vocabulary.tokenise(["red dog"], 2))
    local, left_out = vocabulary.tokenise_known(["red fox dog", "bird", "dog dog dog dog"], 3)
    red, dog = vocabulary.localise(vocabulary.tokenise(["red dog"], 2))[0]
    pad = vocabulary.pad
    assert local.tolist() == [[red, dog, pad], [pad] * 3, [dog] * 3]
    assert left_out == 2  # fox and bird


@unhurried
@given(texts)
def test_known_tokens_are_those_of_a_vocabulary_that_has_grown(texts):
    vocabulary = word_level()
    token_ids = vocabulary.tokenise(texts, 5)
    vocabulary = vocabulary.covering(token_ids)
    local, left_out = vocabulary.tokenise_known(texts, 5)
    whole = vocabulary.covering(np.arange(len(WORDS)))
    np.testing.assert_array_equal(whole.tokenise_known(texts, 5)[0], whole.localise(token_ids))
    if not left_out:
        np.testing.assert_array_equal(local, vocabulary.localise(token_ids))


@pytest.mark.parametrize("name", ["tokenizer.json", "vocabulary.json"])
@given(data=st.data())
def test_any_changed_byte_is_told_or_changes_nothing(tmp_path_factory, name, data):
    folder = tmp_path_factory.mktemp("changed")
    vocabulary = train_vocabulary(["one title", "another title"], 60)
    vocabulary.save(folder)
    content = bytearray((folder / name).read_bytes())
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] ^= data.draw(st.integers(1, 255))
    (folder / name).write_bytes(content)
    try:
        found = Vocabulary.load(folder)
    except InputError as error:
        assert str(folder) in str(error) and "\n" not in str(error)  # noqa: PT017, PT018
    else:
        assert found.tokenizer.to_str() == vocabulary.tokenizer.to_str()
        assert found.token_ids.tolist() == vocabulary.token_ids.tolist()
        assert (found.pad, found.transformer) == (vocabulary.pad, vocabulary.transformer)
