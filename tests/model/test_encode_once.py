"""Encoding each distinct article once gives what encoding every occurrence gives."""

import pytest
import torch
from small_models import KINDS, KINDS_OF_VARIANTS, article_table, rows, trained_model

# 7 impressions of 6 clicks and 4 candidates out of 12 articles: each occurs often, unevenly.
HISTORY, CANDIDATES = rows(7, 6, seed=2), rows(7, 4, seed=3)


@pytest.fixture(params=KINDS_OF_VARIANTS, ids="-".join)
def kind_and_variant(request):
    return request.param


def score_every_occurrence(model, table, history, candidates):
    """What `forward` must equal: the baseline's way, each article again wherever it stands."""
    of_candidates = model.encode_news(table[candidates.flatten()]).unflatten(0, candidates.shape)
    of_history = model.encode_news(table[history.flatten()]).unflatten(0, history.shape)
    return model.score(model.encode_users(of_history, history), of_candidates)


def after_one_pass(kind, variant, score):
    """Dots, gradients and buffers of one pass in training mode, dropout being 0."""
    model = trained_model(kind, variant=variant).train()
    dots = score(model, article_table(kind, variant), HISTORY, CANDIDATES)
    dots.log_softmax(dim=1)[:, 0].mean().backward()
    gradients = {name: parameter.grad for name, parameter in model.named_parameters()}
    return dots.detach(), gradients, dict(model.named_buffers())


def test_dots_gradients_and_running_statistics_are_those_of_every_occurrence(kind_and_variant):
    once = after_one_pass(*kind_and_variant, lambda model, *batch: model(*batch))
    every = after_one_pass(*kind_and_variant, score_every_occurrence)
    # Another order of summation: gradients reach 5, dots 7.
    torch.testing.assert_close(once, every, rtol=1e-4, atol=2e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_a_pass_changes_the_running_statistics_of_every_batch_norm(kind):
    start = dict(trained_model(kind).named_buffers())
    _, _, end = after_one_pass(kind, "baseline", lambda model, *batch: model(*batch))
    assert len(end) == {"nrms": 0, "nrms_dense_layers": 4, "nrms_docvec": 6}[kind]
    assert not any(torch.equal(end[name], start[name]) for name in end)


@torch.no_grad()
def test_scores_in_evaluation_are_those_of_every_occurrence(kind_and_variant):
    kind, variant = kind_and_variant
    model, table = trained_model(kind, variant=variant).eval(), article_table(kind, variant)
    every = score_every_occurrence(model, table, HISTORY, CANDIDATES)
    torch.testing.assert_close(model(table, HISTORY, CANDIDATES), every, rtol=1e-5, atol=1e-5)


@torch.no_grad()
@pytest.mark.parametrize("kind", KINDS)
def test_the_news_encoder_sees_each_distinct_article_of_a_call_once(kind):
    model, seen = trained_model(kind), []
    model.news_encoder.register_forward_pre_hook(lambda _, inputs: seen.append(len(inputs[0])))
    model(article_table(kind), HISTORY, CANDIDATES)
    if kind == "nrms":
        assert seen == [len(torch.cat([HISTORY, CANDIDATES], dim=1).unique())]
    else:
        # The statistics of candidates and history are apart, as in the baseline.
        assert seen == [len(CANDIDATES.unique()) + len(HISTORY.unique())]
