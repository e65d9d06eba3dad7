"""The counts of floating-point operations, against those that torch counts itself."""

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.speed.flops import encoder_flops, training_flops
from nrms_torch.model.hyper_parameters import (
    NRMSDocVecHyperParameters,
    NRMSHyperParameters,
    StandardNRMSDocVecHyperParameters,
)
from nrms_torch.model.nrms import NRMS

TITLES = NRMSHyperParameters(vocabulary_size=50, embedding_size=24, title_size=6, dropout=0)
DENSE_TITLES = NRMSHyperParameters(
    vocabulary_size=50, embedding_size=24, title_size=6, newsencoder_units_per_layer=(32, 400)
)
VECTORS = NRMSDocVecHyperParameters(document_vector_size=24)
ARTICLES = 7


def features(hyper_parameters, articles):
    if isinstance(hyper_parameters, NRMSHyperParameters):
        return torch.randint(50, (articles, hyper_parameters.title_size))
    return torch.rand(articles, hyper_parameters.document_vector_size)


def counted(compute):
    with FlopCounterMode(display=False) as counter:
        compute().sum().backward()
    return counter.get_total_flops()


@pytest.mark.parametrize("hyper_parameters", [TITLES, DENSE_TITLES, VECTORS])
def test_an_encoder_makes_the_operations_that_torch_counts(hyper_parameters):
    model = NRMS(hyper_parameters)
    articles = features(hyper_parameters, ARTICLES)
    found = counted(lambda: model.encode_news(articles))
    # The pooling's weighted sum is no matrix product, so torch does not count it.
    assert found == pytest.approx(encoder_flops(hyper_parameters, ARTICLES), rel=5e-3)


@pytest.mark.parametrize("articles", [7, 75], ids=["that occur again", "that do not"])
def test_a_training_step_adds_the_users(articles):
    model = NRMS(TITLES)
    table = features(TITLES, articles)
    history = torch.arange(3 * TITLES.history_size).reshape(3, -1) % articles
    candidates = (60 + torch.arange(15)).reshape(3, 5) % articles
    found = counted(lambda: model(table, history, candidates))
    expected = training_flops(TITLES, articles=articles, clicked=articles, rows=3)
    assert found == pytest.approx(expected, rel=5e-3)


def test_a_title_of_the_default_size_costs_what_is_well_known():
    hyper_parameters = NRMSHyperParameters(vocabulary_size=50, embedding_size=300)
    assert encoder_flops(hyper_parameters, 1) / 3 == pytest.approx(27.8e6, rel=0.005)


def test_a_training_step_of_the_standard_variant():
    hyper_parameters = StandardNRMSDocVecHyperParameters(document_vector_size=128)
    model, articles = NRMS(hyper_parameters), 75
    table = torch.nn.functional.pad(torch.rand(articles, 128), (0, 2))
    history = torch.arange(3 * 50).reshape(3, -1) % articles
    candidates = torch.arange(15).reshape(3, 5)
    found = counted(lambda: model(table, history, candidates))
    expected = training_flops(hyper_parameters, articles=articles, clicked=articles, rows=3)
    # The articles take no gradient: a tenth of the products have no backward pass to their inputs.
    assert found == pytest.approx(expected, rel=0.2)
