"""Vectors of articles against sklearn, and cosines against slow obvious loops."""

import numpy as np
import polars as pl
import pytest
from sklearn.feature_extraction.text import TfidfTransformer
from tiny_transformer import SPECIAL, save_tiny_transformer

from nrms_torch.data.articles import ArticleTable, title_table
from nrms_torch.data.transformer import transformer_vocabulary, word_embeddings
from nrms_torch.evaluation.article_vectors import DenseVectors, TitleVectors, article_vectors

ARTICLES, TOKENS, KNOWN, PAD = 40, 6, 25, 1


@pytest.fixture
def tokens():
    """Titles of 0 to 6 tokens, some of them twice, padded behind; row 0 is zeros."""
    rng = np.random.default_rng(0)
    tokens = rng.integers(2, KNOWN, (ARTICLES, TOKENS), dtype=np.int32)
    lengths = rng.integers(1, TOKENS + 1, ARTICLES)
    lengths[7] = 0
    tokens[np.arange(TOKENS) >= lengths[:, None]] = PAD
    tokens[0] = 0
    return tokens


def written_out(tokens):
    """Let sklearn weigh the titles: unit vectors (R, V), row 0 zeros."""
    counts = np.zeros((len(tokens), KNOWN))
    for row, title in enumerate(tokens[1:], start=1):
        counts[row, np.unique(title[title != PAD])] = 1
    return TfidfTransformer(smooth_idf=True).fit_transform(counts).toarray()


def unit(vectors):
    norms = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.divide(vectors, norms, out=np.zeros_like(vectors), where=norms > 1e-9)


def slow_scores(vectors, histories, owner, articles):
    """The dot of each candidate with the sum of its reader's clicks; vectors are of length 1."""
    return [
        sum(vectors[article] @ vectors[click] for click in histories[user] if click)
        for user, article in zip(owner, articles, strict=True)
    ]


@pytest.fixture
def asked():
    rng = np.random.default_rng(1)
    histories = rng.integers(0, ARTICLES, (5, 8))
    histories[0] = 0
    return histories, rng.integers(0, 5, 60), rng.integers(0, ARTICLES, 60)


def test_titles_are_weighed_as_sklearn_weighs_them(tokens, asked):
    expected = slow_scores(written_out(tokens), *asked)
    found = TitleVectors.of_tokens(tokens, PAD)
    users = found.users(asked[0])
    np.testing.assert_allclose(found.scores(users, *asked[1:]), expected, atol=1e-5)


def test_centred_titles_are_those_written_out_with_the_mean_subtracted(tokens, asked):
    rows = np.arange(3, 30)
    plain = written_out(tokens)
    centred = unit(plain - plain[rows].mean(axis=0))
    centred[0] = 0
    found = TitleVectors.of_tokens(tokens, PAD).centred(rows)
    users = found.users(asked[0])
    expected = slow_scores(centred, *asked)
    np.testing.assert_allclose(found.scores(users, *asked[1:]), expected, atol=1e-5)


def test_dense_vectors_count_each_click_alike_and_the_unknown_article_not(asked):
    rng = np.random.default_rng(2)
    vectors = (rng.normal(size=(ARTICLES, 12)) * rng.uniform(0.1, 9, (ARTICLES, 1))).astype("f4")
    rows = np.arange(5, 20)
    for found, slow in (
        (DenseVectors(vectors), unit(vectors)),
        (DenseVectors(vectors).centred(rows), unit(unit(vectors) - unit(vectors)[rows].mean(0))),
    ):
        slow[0] = 0
        users = found.users(asked[0])
        expected = slow_scores(slow, *asked)
        np.testing.assert_allclose(found.scores(users, *asked[1:]), expected, atol=1e-5)
        assert (found.scores(users, np.zeros(4, int), np.arange(4)) == 0).all(), "no click"


def test_a_title_of_a_transformer_is_the_mean_of_its_word_embeddings(tmp_path):
    words = ["sun", "rain", "storm", "goal"]
    transformer = save_tiny_transformer(tmp_path / "bert", words=[*SPECIAL, *words])
    ids, texts = pl.Series([11, 12, 13]), ["sun rain", "storm", ""]
    table, vocabulary = title_table(ids, texts, transformer_vocabulary(str(transformer)), 4)
    found = article_vectors(table, vocabulary)
    assert isinstance(found, DenseVectors)
    rows = [vocabulary.tokenizer.token_to_id(word) for word in words]
    sun, rain, storm, _ = word_embeddings(str(transformer), np.array(rows))
    expected = unit(np.stack([0 * sun, (sun + rain) / 2, storm, 0 * sun]))
    np.testing.assert_allclose(found.units, expected, atol=1e-6)


def test_where_the_transformer_is_gone_titles_are_compared_by_their_tokens(tmp_path):
    folder = save_tiny_transformer(tmp_path / "bert", words=[*SPECIAL, "sun", "rain"])
    ids, texts = pl.Series([1, 2]), ["sun", "rain"]
    table, vocabulary = title_table(ids, texts, transformer_vocabulary(str(folder)), 4)
    (tmp_path / "bert").rename(tmp_path / "elsewhere")
    assert isinstance(article_vectors(table, vocabulary), TitleVectors)


def test_document_vectors_are_taken_as_they_are():
    table = ArticleTable(pl.Series([1, 2]), np.array([[9, 9], [3, 4], [0, 2]], dtype=np.float32))
    found = article_vectors(table, None)
    np.testing.assert_allclose(found.units, [[0, 0], [0.6, 0.8], [0, 1]], atol=1e-6)
