"""Word vectors to start from: a title's mean stands for the title."""

import numpy as np
import torch
from torch.nn import functional as F

from nrms_torch.data.word_vectors import (
    equally_spaced,
    fitted,
    from_co_occurrence,
    weighted_by_rarity,
)

PAD, WORDS, TITLES, LENGTH = 0, 41, 400, 6
GENERATOR = np.random.default_rng(0)
# Two topics of twenty words each; a title has one topic's.
TOPICS = GENERATOR.integers(0, 2, TITLES)
TOKENS = 1 + GENERATOR.integers(0, 20, (TITLES, LENGTH)) + 20 * TOPICS[:, None]
TOKENS[GENERATOR.random(TOKENS.shape) < 0.3] = PAD


def means(words, titles):
    own = torch.from_numpy(titles != PAD).unsqueeze(-1)
    return (words[titles] * own).sum(dim=1) / own.sum(dim=1).clamp(min=1)


def test_titles_of_one_topic_are_alike_though_they_share_no_word():
    titles = means(from_co_occurrence(TOKENS, PAD, WORDS, 10), TOKENS)
    centred = F.normalize(titles - titles.mean(dim=0), dim=1)
    cosines = centred @ centred.T
    shared = (TOKENS[:, None, :, None] == TOKENS[None, :, None, :]) & (TOKENS != PAD)[
        :, None, :, None
    ]
    apart = torch.from_numpy(~shared.any(axis=(2, 3)))
    same = torch.from_numpy(TOPICS[:, None] == TOPICS[None, :])
    assert cosines[apart & same].mean() > 0.3
    assert cosines[apart & ~same].mean() < -0.3


def test_they_are_the_same_each_time_and_leave_the_random_numbers_alone():
    torch.manual_seed(5)
    before = torch.get_rng_state()
    first = from_co_occurrence(TOKENS, PAD, WORDS, 10)
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(6)
    assert torch.equal(from_co_occurrence(TOKENS, PAD, WORDS, 10), first)


def test_more_dimensions_than_titles_have_are_zero():
    words = from_co_occurrence(TOKENS[:3], PAD, WORDS, 10)
    assert words.shape == (WORDS, 10)
    assert words[:, :3].any()
    assert not words[:, 3:].any()


def test_fitted_words_find_the_vectors_that_sentences_are_means_of():
    truth = torch.randn(WORDS, 5, generator=torch.Generator().manual_seed(1))
    sentences = means(truth, TOKENS) + 3
    start = torch.randn(WORDS, 5, generator=torch.Generator().manual_seed(2))

    def left(words):
        found = means(words, TOKENS)
        apart = (found - found.mean(dim=0)) - (sentences - sentences.mean(dim=0))
        return (apart.square().sum() / (sentences - sentences.mean(dim=0)).square().sum()).item()

    assert left(start) > 0.8
    assert left(fitted(start, TOKENS, PAD, sentences)) < 0.01


def test_a_word_that_no_title_has_stays_where_it_was_but_for_its_length():
    start = torch.randn(WORDS + 1, 5, generator=torch.Generator().manual_seed(2))
    sentences = torch.randn(TITLES, 5, generator=torch.Generator().manual_seed(3))
    words = fitted(start, TOKENS, PAD, sentences)
    assert words.isfinite().all()
    cosine = F.cosine_similarity(words[WORDS], start[WORDS], dim=0).abs()
    torch.testing.assert_close(cosine, torch.tensor(1.0))


def test_frequent_words_become_small():
    words = F.normalize(torch.randn(WORDS, 30, generator=torch.Generator().manual_seed(1)), dim=1)
    titles = np.concatenate([np.ones((TITLES, 1), dtype=TOKENS.dtype), TOKENS], axis=1)
    lengths = weighted_by_rarity(words, titles, PAD).norm(dim=1)
    assert lengths[1] < 0.2 * lengths[2:].min()


def test_chosen_rows_are_spread_over_all():
    np.testing.assert_array_equal(equally_spaced(3, 10), [0, 1, 2])
    chosen = equally_spaced(1_001, 11)
    np.testing.assert_array_equal(chosen, np.arange(11) * 100)
