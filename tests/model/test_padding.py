"""Padding is nothing to the standard variant and takes part in the baseline."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from small_models import (
    KINDS,
    KINDS_OF_VARIANTS,
    STANDARD_KINDS,
    VOCABULARY,
    article_table,
    rows,
    trained_model,
)
from torch.nn import functional as F

# The BatchNorms of dense layers use their running statistics here: in training, padding counts.
MODELS = {
    (kind, variant): trained_model(kind, variant=variant).eval()
    for kind, variant in KINDS_OF_VARIANTS
}
TITLE_KINDS = [kind for kind in KINDS if kind != "nrms_docvec"]
lengths = st.lists(st.integers(0, 8), min_size=1, max_size=5)
padding = st.integers(1, 12)


def titles_of(lengths):
    """Titles (N, 8) of these lengths, filled up with the pad token 0."""
    generator = torch.Generator().manual_seed(5)
    titles = torch.randint(1, VOCABULARY, (len(lengths), 8), generator=generator)
    titles[torch.arange(8) >= torch.tensor(lengths).unsqueeze(1)] = 0
    return titles


def histories_of(lengths):
    """Histories (N, 8) of known articles, filled up on the left with row 0."""
    histories = rows(len(lengths), 8).clamp(min=1)
    histories[torch.arange(8) < 8 - torch.tensor(lengths).unsqueeze(1)] = 0
    return histories


@given(lengths=lengths, more=padding)
@settings(deadline=None, max_examples=25)
@torch.no_grad()
def test_more_padding_of_titles_changes_nothing_in_the_standard_variant(lengths, more):
    model, titles = MODELS["nrms", "standard"], titles_of(lengths)
    facts = torch.tensor([[2, 300]]).expand(len(lengths), -1)
    longer = model.encode_news(torch.cat([F.pad(titles, (0, more)), facts], dim=1))
    expected = model.encode_news(torch.cat([titles, facts], dim=1))
    torch.testing.assert_close(longer, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("kind", STANDARD_KINDS)
@given(lengths=lengths, more=padding)
@settings(deadline=None, max_examples=25)
@torch.no_grad()
def test_more_padding_of_histories_changes_nothing_in_the_standard_variant(kind, lengths, more):
    model, table = MODELS[kind, "standard"], article_table(kind, "standard")
    histories, candidates = histories_of(lengths), rows(len(lengths), 3, seed=1)
    scores = model(table, histories, candidates)
    padded = model(table, F.pad(histories, (more, 0)), candidates)
    torch.testing.assert_close(padded, scores, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("kind", STANDARD_KINDS)
@torch.no_grad()
def test_what_stands_in_the_unknown_row_is_nothing_to_a_standard_history(kind):
    model, table = MODELS[kind, "standard"], article_table(kind, "standard")
    histories, candidates = histories_of([0, 1, 5, 8]), rows(4, 3).clamp(min=1)
    other = table.clone()
    other[0] = table[3]
    scores, with_other = (model(each, histories, candidates) for each in (table, other))
    torch.testing.assert_close(with_other, scores)


@pytest.mark.parametrize("kind", TITLE_KINDS)
@torch.no_grad()
def test_more_padding_of_titles_changes_the_baseline(kind):
    model, titles = MODELS[kind, "baseline"], titles_of([1, 4, 8])
    change = model.encode_news(F.pad(titles, (0, 3))) - model.encode_news(titles)
    assert (change.abs().amax(dim=1) > 1e-3).all()


@pytest.mark.parametrize("kind", KINDS)
@torch.no_grad()
def test_more_padding_of_histories_changes_the_baseline(kind):
    model, table, histories = MODELS[kind, "baseline"], article_table(kind), histories_of([1, 4, 8])
    vectors = model.encode_news(table)
    before, after = (
        model.encode_users(vectors[each], each) for each in (histories, F.pad(histories, (3, 0)))
    )
    assert ((after - before).abs().amax(dim=1) > 1e-4).all()


@pytest.mark.parametrize(("kind", "variant"), KINDS_OF_VARIANTS)
def test_a_history_of_unknown_articles_alone_has_finite_scores_and_gradients(kind, variant):
    model = trained_model(kind, variant=variant).train()
    dots = model(article_table(kind, variant), torch.zeros(2, 4, dtype=torch.int64), rows(2, 3))
    dots.sum().backward()
    assert dots.isfinite().all()
    assert all(parameter.grad.isfinite().all() for parameter in model.parameters())
