"""Parts of a score add up to it."""

import pytest
import torch
from small_models import (
    CATEGORIES,
    KINDS_OF_VARIANTS,
    TITLE_SIZE,
    article_table,
    rows,
    trained_model,
)

from nrms_torch.model.explanation import click_directions, title_parts, title_weights
from nrms_torch.model.standard import explanation as standard


def test_the_parts_of_a_title_add_up_to_its_vector():
    encoder = trained_model("nrms").eval().news_encoder
    titles = article_table("nrms")
    parts = title_parts(encoder, titles)
    assert parts.shape == (*titles.shape, 6)
    torch.testing.assert_close(parts.sum(dim=1), encoder(titles), rtol=0, atol=1e-6)


def test_the_parts_of_a_standard_title_add_up_to_its_vector():
    encoder = trained_model("nrms", variant="standard").eval().news_encoder
    articles = article_table("nrms", "standard")
    encoder.article_vector.mean.normal_(generator=torch.Generator().manual_seed(3))
    parts = standard.title_parts(encoder, articles)
    assert parts.shape == (len(articles), TITLE_SIZE + 1, 8 + len(CATEGORIES) + 1)
    torch.testing.assert_close(parts.sum(dim=1), encoder(articles), rtol=0, atol=1e-6)
    assert not parts[:, :-1][articles[:, :TITLE_SIZE] == 0].any(), "padding has no part"
    assert not parts[0].any(), "nor has the unknown article"


def test_the_weights_of_a_title_add_up_to_one():
    encoder = trained_model("nrms_dense_layers").eval().news_encoder
    titles = article_table("nrms_dense_layers")[1:]
    weights = title_weights(encoder, titles)
    torch.testing.assert_close(weights.sum(dim=1), torch.ones(len(titles)), rtol=0, atol=1e-5)
    pooled = (weights.unsqueeze(-1) * encoder.before_pooling(titles)).sum(dim=1)
    torch.testing.assert_close(pooled, encoder(titles), rtol=0, atol=1e-6)


@pytest.mark.parametrize(("kind", "variant"), KINDS_OF_VARIANTS)
def test_the_parts_of_the_clicks_add_up_to_the_score(kind, variant):
    model, table = trained_model(kind, variant=variant).eval(), article_table(kind, variant)
    history, candidates = rows(5, 4), rows(5, 1, seed=1)
    news = model.encode_news(table)
    clicked, candidate = news[history], news[candidates].squeeze(1)
    if variant == "standard":
        directions = standard.click_directions(model.user_encoder, clicked, history != 0, candidate)
        nobody = model.encode_users(clicked, torch.zeros_like(history))
        common = (nobody * candidate).sum(dim=1)
    else:
        directions = click_directions(model.user_encoder, clicked, None, candidate)
        common = torch.zeros(5)
    parts = (clicked * directions).sum(dim=-1)
    score = model(table, history, candidates).squeeze(1)
    torch.testing.assert_close(parts.sum(dim=1) + common, score, rtol=1e-5, atol=1e-5)


def test_the_part_of_a_click_is_what_its_values_bring_at_fixed_weights():
    # With one head and equal clicks all weights are equal, so every click brings the same.
    model = trained_model("nrms_docvec", head_num=1).eval()
    clicked, candidate = torch.ones(1, 4, 3), torch.tensor([[1.0, 2.0, 3.0]])
    directions = click_directions(model.user_encoder, clicked, None, candidate)
    user = model.user_encoder(clicked)
    expected = (user @ candidate.T).expand(1, 4) / 4
    torch.testing.assert_close((clicked * directions).sum(-1), expected, rtol=0, atol=1e-6)
