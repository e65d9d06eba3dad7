"""Where the standard variant starts: its ranking is the centred cosine's, and what is beside it."""

import pytest
import torch
from small_models import (
    DOCUMENT_WIDTH,
    STANDARD_KINDS,
    TITLE_SIZE,
    article_table,
    initial_model,
    rows,
)
from torch.nn import functional as F

from nrms_torch.data.facts import POPULARITY_UNIT
from nrms_torch.model.standard.article_vector import CATEGORY_START
from nrms_torch.model.standard.user_encoder import TEMPERATURE_START

HISTORY, CANDIDATES = rows(9, 6, seed=2), rows(9, 5, seed=3)


def contents(kind, model, table):
    """Document vectors, or the mean word vectors of titles, of all articles."""
    if kind == "nrms_docvec":
        return table[:, :DOCUMENT_WIDTH]
    titles = table[:, :TITLE_SIZE]
    known = (titles != 0).unsqueeze(-1)
    words = model.word_embeddings()[titles] * known
    return words.sum(dim=1) / known.sum(dim=1).clamp(min=1)


@pytest.mark.parametrize("kind", STANDARD_KINDS)
@torch.no_grad()
def test_it_starts_at_the_centred_cosine_with_category_and_popularity(kind):
    model, table = initial_model(kind, variant="standard").eval(), article_table(kind, "standard")
    model.centre(table[1:])
    content = contents(kind, model, table)
    centred = F.normalize(content - content[1:].mean(dim=0), dim=1)
    category = F.one_hot(table[:, -2].long(), 4)[:, 1:] * CATEGORY_START
    both = torch.cat([centred, category], dim=1)
    both[0] = 0
    readers = F.normalize(both[HISTORY].sum(dim=1), dim=1)
    cosines = torch.einsum("bd,bcd->bc", readers, both[CANDIDATES])
    expected = TEMPERATURE_START * cosines + table[CANDIDATES][..., -1] * POPULARITY_UNIT
    torch.testing.assert_close(model(table, HISTORY, CANDIDATES), expected, rtol=0, atol=1e-4)


@pytest.mark.parametrize("kind", STANDARD_KINDS)
@torch.no_grad()
def test_training_does_not_see_the_popularity(kind):
    model, table = initial_model(kind, variant="standard").train(), article_table(kind, "standard")
    other = table.clone()
    other[:, -1] = 0
    with_it, without = (model(each, HISTORY, CANDIDATES) for each in (table, other))
    torch.testing.assert_close(with_it, without, rtol=0, atol=0)


@pytest.mark.parametrize("kind", STANDARD_KINDS)
@torch.no_grad()
def test_a_reader_without_a_click_is_ranked_by_what_all_readers_click(kind):
    model, table = initial_model(kind, variant="standard").eval(), article_table(kind, "standard")
    model.user_encoder.common.normal_(generator=torch.Generator().manual_seed(1))
    scores = model(table, torch.zeros_like(HISTORY), CANDIDATES)
    common = model.encode_news(table)[:, :-1] @ model.user_encoder.common
    expected = common + table[:, -1] * POPULARITY_UNIT
    torch.testing.assert_close(scores, expected[CANDIDATES], rtol=0, atol=1e-5)
    assert scores.std() > 0.1


@pytest.mark.parametrize("kind", STANDARD_KINDS)
def test_every_parameter_can_leave_the_start(kind):
    """Gates and pooling have gradients at once, and what lies behind them once they have moved."""
    model, table = initial_model(kind, variant="standard").train(), article_table(kind, "standard")
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(3):
        optimizer.zero_grad()
        model(table, HISTORY, CANDIDATES).log_softmax(dim=1)[:, 0].mean().backward()
        optimizer.step()
    unmoved = {name for name, parameter in model.named_parameters() if not parameter.grad.any()}
    assert not unmoved
