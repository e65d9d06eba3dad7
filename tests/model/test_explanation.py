"""Parts of a score add up to it."""

import pytest
import torch
from small_models import KINDS, VARIANTS, article_table, rows, trained_model

from nrms_torch.model.explanation import click_directions, title_parts, title_weights


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_parts_of_a_title_add_up_to_its_vector(variant):
    encoder = trained_model("nrms", variant=variant).eval().news_encoder
    titles = article_table("nrms")
    parts = title_parts(encoder, titles)
    assert parts.shape == (*titles.shape, 6)
    torch.testing.assert_close(parts.sum(dim=1), encoder(titles), rtol=0, atol=1e-6)
    if variant == "standard":
        assert not parts[titles == 0].any(), "padding has no part"


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_weights_of_a_title_add_up_to_one(variant):
    encoder = trained_model("nrms_dense_layers", variant=variant).eval().news_encoder
    titles = article_table("nrms_dense_layers")[1:]
    weights = title_weights(encoder, titles)
    torch.testing.assert_close(weights.sum(dim=1), torch.ones(len(titles)), rtol=0, atol=1e-5)
    pooled = (weights.unsqueeze(-1) * encoder.before_pooling(titles)).sum(dim=1)
    torch.testing.assert_close(pooled, encoder(titles), rtol=0, atol=1e-6)


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("kind", KINDS)
def test_the_parts_of_the_clicks_add_up_to_the_score(kind, variant):
    model = trained_model(kind, variant=variant).eval()
    history, candidates = rows(5, 4), rows(5, 1, seed=1)
    news = model.encode_news(article_table(kind))
    clicked, candidate = news[history], news[candidates]
    mask = history != 0 if variant == "standard" else None
    directions = click_directions(model.user_encoder, clicked, mask, candidate.squeeze(1))
    parts = (clicked * directions).sum(dim=-1)
    score = model(article_table(kind), history, candidates)
    torch.testing.assert_close(parts.sum(dim=1, keepdim=True), score, rtol=1e-5, atol=1e-5)


def test_the_part_of_a_click_is_what_its_values_bring_at_fixed_weights():
    # With one head and equal clicks all weights are equal, so every click brings the same.
    model = trained_model("nrms_docvec", head_num=1).eval()
    clicked, candidate = torch.ones(1, 4, 3), torch.tensor([[1.0, 2.0, 3.0]])
    directions = click_directions(model.user_encoder, clicked, None, candidate)
    user = model.user_encoder(clicked)
    expected = (user @ candidate.T).expand(1, 4) / 4
    torch.testing.assert_close((clicked * directions).sum(-1), expected, rtol=0, atol=1e-6)
