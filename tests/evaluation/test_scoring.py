"""The scoring path, articles once and histories once, against the model's own forward pass."""

import numpy as np
import pytest
import torch

from nrms_torch.data.impressions import Impressions
from nrms_torch.data.loading import HISTORIES_PER_CHUNK, EvaluationChunks
from nrms_torch.evaluation.scoring import (
    ARTICLES_PER_CHUNK,
    CANDIDATES_PER_CHUNK,
    encode_articles,
    score_chunk,
)
from nrms_torch.model.hyper_parameters import from_mapping
from nrms_torch.model.nrms import NRMS

ARTICLES = ARTICLES_PER_CHUNK + 200
HISTORIES = HISTORIES_PER_CHUNK + 60
HISTORY_SIZE, TITLE_SIZE, VOCABULARY, WIDTH = 5, 6, 40, 10
SMALL = {"history_size": HISTORY_SIZE, "head_num": 2, "head_dim": 4, "attention_hidden_dim": 6}


TITLES = {
    "name": "nrms",
    "title_size": TITLE_SIZE,
    "vocabulary_size": VOCABULARY,
    "embedding_size": 7,
    "pad_token": 1,
}
VECTORS = {"name": "nrms_docvec", "document_vector_size": WIDTH}


def model_of(variant, **values):
    return NRMS(from_mapping({"variant": variant, **SMALL, **values}))


def with_facts(table, variant):
    """The table with category and popularity behind it, which the standard variant reads."""
    if variant == "baseline":
        return table
    facts = torch.stack([torch.arange(ARTICLES) % 3, torch.arange(ARTICLES) % 800], dim=1)
    return torch.cat([table, facts.to(table.dtype)], dim=1)


def nrms(variant):
    table = torch.randint(1, VOCABULARY, (ARTICLES, TITLE_SIZE), dtype=torch.int32)
    own = {"categories": ["art", "war"]} if variant == "standard" else {}
    return model_of(variant, **TITLES, **own), with_facts(table, variant)


def nrms_docvec(variant):
    own = {} if variant == "standard" else {"newsencoder_units_per_layer": [9, 9]}
    return model_of(variant, **VECTORS, **own), with_facts(torch.randn(ARTICLES, WIDTH), variant)


@pytest.fixture(params=["baseline", "standard"])
def variant(request):
    return request.param


@pytest.fixture(params=[nrms, nrms_docvec])
def model_and_table(request, variant):
    """A model in evaluation mode far from its initial state, and an article table."""
    torch.manual_seed(0)
    model, table = request.param(variant)
    table[0] = 0
    with torch.no_grad():
        for name, tensor in model.state_dict().items():
            if "var" in name:
                tensor.uniform_(0.5, 2)
            elif tensor.is_floating_point():
                tensor.normal_(std=0.5)
    return model.eval(), table


@pytest.fixture(scope="module")
def impressions():
    rng = np.random.default_rng(0)
    number = HISTORIES + 100
    offsets = np.cumsum([0, *rng.integers(1, 9, number)], dtype=np.int64)
    histories = rng.integers(0, ARTICLES, (HISTORIES, HISTORY_SIZE), dtype=np.int32)
    histories[rng.random(histories.shape) < 0.3] = 0
    histories[0] = 0
    return Impressions(
        impression_ids=np.arange(number),
        history_index=rng.permutation(np.arange(number, dtype=np.int32) % HISTORIES),
        histories=histories,
        offsets=offsets,
        candidates=rng.integers(0, ARTICLES, offsets[-1], dtype=np.int32),
        labels=None,
        unknown_articles=0,
    )


def scores_of(model, table, impressions, ranks):
    """All scores in the split's order, put together from the chunks of all ranks."""
    news = encode_articles(model, table)
    scores = torch.full((int(impressions.offsets[-1]),), torch.nan)
    for rank in range(ranks):
        for chunk in EvaluationChunks(impressions, rank=rank, ranks=ranks):
            found = score_chunk(model, news, chunk)
            assert found.dtype == torch.float32
            assert found.shape == chunk.candidates.shape
            for number, position in enumerate(chunk.positions):
                own = slice(impressions.offsets[position], impressions.offsets[position + 1])
                scores[own] = found[chunk.offsets[number] : chunk.offsets[number + 1]]
    return scores


def test_scores_are_those_of_the_models_forward_pass(model_and_table, impressions):
    model, table = model_and_table
    scores = scores_of(model, table, impressions, ranks=1)
    histories = torch.from_numpy(impressions.histories[impressions.history_index])
    sizes = np.diff(impressions.offsets)
    for size in np.unique(sizes):  # a forward pass has equally many candidates a row
        rows = np.flatnonzero(sizes == size)
        own = impressions.offsets[rows, None] + np.arange(size)
        with torch.no_grad():
            expected = model(table, histories[rows], torch.from_numpy(impressions.candidates[own]))
        # Products of other shapes round otherwise.
        torch.testing.assert_close(scores[own], expected, rtol=5e-6, atol=5e-6)
    assert scores.std() > 0.05


def test_far_out_dots_do_not_tie(model_and_table, impressions):
    model, table = model_and_table
    news = 100 * encode_articles(model, table)
    chunk = EvaluationChunks(impressions, rank=0, ranks=1)[0]
    scores = score_chunk(model, news, chunk)
    assert (scores.sigmoid() == 1).sum() > 100
    # As many distinct scores as there are pairs of a history and an article.
    pairs = torch.stack([chunk.owner.repeat_interleave(chunk.offsets.diff()), chunk.candidates])
    assert len(scores.unique()) > 0.9 * len(pairs.unique(dim=1).T)


@pytest.mark.parametrize("ranks", [2, 3, 5])
def test_scores_do_not_depend_on_who_scores_a_chunk(model_and_table, impressions, ranks):
    model, table = model_and_table
    expected = scores_of(model, table, impressions, ranks=1)
    assert scores_of(model, table, impressions, ranks).equal(expected)


def test_article_vectors_are_the_news_encoders(model_and_table):
    model, table = model_and_table
    vectors = encode_articles(model, table)
    assert vectors.shape == (ARTICLES, model.hyper_parameters.vector_size)
    assert not vectors.requires_grad
    for row in (0, 1, ARTICLES_PER_CHUNK - 1, ARTICLES_PER_CHUNK, ARTICLES - 1):
        with torch.no_grad():
            expected = model.encode_news(table[row : row + 1])[0]
        torch.testing.assert_close(vectors[row], expected, rtol=1e-6, atol=1e-6)


def test_more_candidates_than_are_gathered_at_once_are_all_scored(model_and_table):
    model, table = model_and_table
    rng = np.random.default_rng(0)
    number = CANDIDATES_PER_CHUNK + 500
    impressions = Impressions(
        impression_ids=np.arange(2),
        history_index=np.array([1, 0], dtype=np.int32),
        histories=np.array([[0] * HISTORY_SIZE, range(HISTORY_SIZE)], dtype=np.int32),
        offsets=np.array([0, number - 10, number]),
        candidates=rng.integers(0, ARTICLES, number, dtype=np.int32),
        labels=None,
        unknown_articles=0,
    )
    news = encode_articles(model, table)
    users = model.encode_users(news[impressions.histories], torch.from_numpy(impressions.histories))
    owner = np.repeat(impressions.history_index, [number - 10, 10])
    expected = (users[owner] * news[impressions.candidates]).sum(dim=-1).detach()
    assert scores_of(model, table, impressions, ranks=1).equal(expected)


def test_a_rank_without_impressions_scores_nothing(model_and_table, impressions):
    model, table = model_and_table
    *_, last = EvaluationChunks(impressions, rank=4, ranks=5)
    assert len(last.positions) == 0
    assert score_chunk(model, encode_articles(model, table), last).shape == (0,)
