"""What the engine says of a score adds up to it."""

import shutil

import numpy as np
import pytest
from exported_runs import KINDS_OF_VARIANTS, VARIANTS
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

from nrms_torch.data.vocabulary import Vocabulary, train_vocabulary
from nrms_torch.errors import InputError
from nrms_torch.serving import Article, Recommender
from nrms_torch.serving.explanation import title_part

UNKNOWN = 17


def total(title):
    return sum(word.value for word in title.words) + title.padding


@pytest.mark.parametrize(("kind", "variant"), KINDS_OF_VARIANTS)
def test_clicks_and_padding_add_up_to_the_score(exported, kind, variant):
    recommender = Recommender(exported(kind, variant)[1])
    ids = [article.article_id for article in recommender.articles()]
    for history in (ids[:3], [*ids[:30], UNKNOWN], []):
        explanation = recommender.explain(history, ids[40])
        score = recommender.rank(history, [ids[40]]).scores[0]
        assert explanation.article_id == ids[40]
        assert explanation.score == score
        assert [click.article_id for click in explanation.clicks] == history[
            -recommender.history_size :
        ]
        parts = [click.contribution for click in explanation.clicks]
        together = sum(parts) + explanation.padding + explanation.common
        assert together == pytest.approx(score, abs=1e-5)
        if variant == "standard":
            assert explanation.padding == 0, "padding is masked"
            assert explanation.common != 0, "a common vector was drawn"
        else:
            assert explanation.common == 0
    assert [click.known for click in recommender.explain([ids[0], UNKNOWN], ids[1]).clicks] == [
        True,
        False,
    ]


@pytest.mark.parametrize("variant", VARIANTS)
def test_words_add_up_to_the_score_and_to_each_click(exported, variant):
    recommender = Recommender(exported("nrms", variant)[1])
    first, second, candidate = recommender.articles()[:3]
    history = [first.article_id, UNKNOWN, second.article_id]
    explanation = recommender.explain(history, candidate.article_id)
    assert explanation.word_measure == "contribution"
    assert total(explanation.title) == pytest.approx(explanation.score, abs=1e-5)
    assert [word.word for word in explanation.title.words] == candidate.title.lower().split()
    for click, article in zip(explanation.clicks, (first, None, second), strict=True):
        if article is None:
            assert click.title is None
        else:
            assert total(click.title) == pytest.approx(click.contribution, abs=1e-5)
            assert [word.word for word in click.title.words] == article.title.lower().split()


def test_an_added_title_is_explained_by_its_words(exported):
    recommender = Recommender(exported("nrms")[1])
    first, second = recommender.articles()[:2]
    recommender.add_articles([Article(article_id=UNKNOWN, title=first.title)])
    old, new = (recommender.explain([second.article_id], i) for i in (first.article_id, UNKNOWN))
    assert [word.word for word in new.title.words] == [word.word for word in old.title.words]
    assert new.score == pytest.approx(old.score, abs=1e-6)


def test_dense_layers_leave_the_words_their_weights(exported):
    recommender = Recommender(exported("nrms_dense_layers")[1])
    first, second = recommender.articles()[:2]
    explanation = recommender.explain([first.article_id], second.article_id)
    assert explanation.word_measure == "weight"
    assert total(explanation.title) == pytest.approx(1, abs=1e-5)
    assert total(explanation.clicks[0].title) == pytest.approx(1, abs=1e-5)


def test_document_vectors_have_no_words(exported):
    recommender = Recommender(exported("nrms_docvec")[1])
    first, second = recommender.articles()[:2]
    explanation = recommender.explain([first.article_id], second.article_id)
    assert (explanation.word_measure, explanation.title) == (None, None)
    assert explanation.clicks[0].title is None


def test_a_bundle_that_is_replaced_later_explains_as_it_was_loaded(exported, tmp_path):
    bundle = shutil.copytree(exported("nrms")[1], tmp_path / "bundle")
    recommender, unchanged = (Recommender(each) for each in (bundle, exported("nrms")[1]))
    shutil.rmtree(bundle)
    shutil.copytree(exported("nrms_docvec")[1], bundle)
    first, second = (article.article_id for article in recommender.articles()[:2])
    assert recommender.explain([first], second) == unchanged.explain([first], second)


def test_an_unknown_candidate_cannot_be_explained(exported):
    recommender = Recommender(exported("nrms")[1])
    with pytest.raises(InputError, match="candidate: 17 is no known article"):
        recommender.explain([], UNKNOWN)


def word_pieces():
    pieces = ["[PAD]", "[UNK]", "fox", "##es", "jump", "."]
    tokenizer = Tokenizer(
        models.WordPiece({piece: row for row, piece in enumerate(pieces)}, unk_token="[UNK]")
    )
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    # Local tokens are others than the tokenizer's own.
    return Vocabulary(tokenizer, np.array([0, 5, 4, 3, 2, 1]), 0, "some/transformer")


def test_pieces_are_added_up_to_the_words_that_they_make():
    vocabulary = word_pieces()
    tokens, _ = vocabulary.tokenise_known(["foxes jump cats ."], 8)
    part = title_part(vocabulary, tokens[0], np.arange(1.0, 9.0))
    assert [(word.word, word.value) for word in part.words] == [
        ("foxes", 1 + 2),
        ("jump", 3),
        ("[UNK].", 4 + 5),  # the decoder's way with a full stop
    ]
    assert part.padding == 6 + 7 + 8


def test_pieces_of_a_tokenizer_trained_here_are_added_up_too():
    vocabulary = train_vocabulary(["sun sunny sun sunny rain"] * 3, 15)
    tokens, _ = vocabulary.tokenise_known(["Sunny rain"], 12)
    length = int((tokens[0] != vocabulary.pad).sum())
    assert length > 2, "the words are in pieces"
    part = title_part(vocabulary, tokens[0], np.ones(12))
    assert [word.word for word in part.words] == ["sunny", "rain"]
    assert sum(word.value for word in part.words) == length
    assert part.padding == 12 - length


def test_a_title_of_nothing_has_no_words():
    vocabulary = word_pieces()
    part = title_part(vocabulary, np.zeros(4, dtype=np.int32), np.ones(4))
    assert (part.words, part.padding) == ([], 4)


@pytest.mark.parametrize("kind", ["nrms", "nrms_dense_layers"])
def test_a_title_without_a_word_is_explained_as_a_whole(exported, kind):
    recommender = Recommender(exported(kind)[1])
    first = recommender.articles()[0].article_id
    recommender.add_articles([Article(article_id=UNKNOWN, title="▁")])
    explanation = recommender.explain([first, UNKNOWN], UNKNOWN)
    assert explanation.title.words == []
    if explanation.word_measure == "contribution":
        assert total(explanation.title) == pytest.approx(explanation.score, abs=1e-5)
        click = explanation.clicks[1]
        assert total(click.title) == pytest.approx(click.contribution, abs=1e-5)
    else:
        assert total(explanation.title) == pytest.approx(1, abs=1e-5)
