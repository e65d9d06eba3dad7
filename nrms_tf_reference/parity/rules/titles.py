"""Titles as tokens, and their word embeddings."""

from typing import Any

import numpy as np
import polars as pl

from nrms_tf_reference.parity.rules.rule import Everywhere, Rule, around
from nrms_torch.data.articles import article_texts
from nrms_torch.data.transformer import word_embeddings
from nrms_torch.data.vocabulary import Vocabulary

_TRANSFORMER = "tests/data/test_transformer.py::"


def _padded_before(real: Any, self: Vocabulary, texts: list[str], size: int) -> np.ndarray:
    tokens, pad = real(self, texts, size), self.token_ids[self.pad]
    return np.stack([row[np.argsort(row != pad, kind="stable")] for row in tokens])


def _of_length_1(table: np.ndarray) -> np.ndarray:
    return table / np.linalg.norm(table, axis=1, keepdims=True)


TITLES = (
    Rule(
        "Text columns are joined by a space",
        "as the benchmark joins title, subtitle and body",
        "joined by nothing",
        "tests/data/test_articles.py::test_text_columns_are_joined_by_a_space_and_stripped",
        (
            Everywhere(
                article_texts,
                lambda real, articles, columns: real(
                    articles.with_columns(pl.concat_str(columns).alias(columns[0])), columns[:1]
                ),
            ),
        ),
    ),
    Rule(
        "Titles are padded behind, to T tokens",
        "an article vector does not depend on the order, so scores would not show it",
        "padded before",
        "tests/data/test_vocabulary.py::test_titles_are_cut_and_padded_behind",
        (around(Vocabulary, "tokenise", _padded_before),),
    ),
    Rule(
        "No special tokens",
        "`add_special_tokens=False`",
        "the tokenizer's own, such as [CLS]",
        _TRANSFORMER + "test_a_vocabulary_starts_on_the_transformers_tokenizer",
        (
            around(
                Vocabulary,
                "tokenise",
                lambda _, self, texts, size: np.array(
                    [self.tokenizer.encode(text).ids[:size] for text in texts]
                ),
            ),
        ),
    ),
    Rule(
        "Word embeddings are the transformer's input embeddings",
        "its words, before its layers",
        "scaled to length 1",
        _TRANSFORMER + "test_word_embeddings_are_the_models_rows_in_the_order_asked",
        (Everywhere(word_embeddings, lambda real, *arguments: _of_length_1(real(*arguments))),),
    ),
)
