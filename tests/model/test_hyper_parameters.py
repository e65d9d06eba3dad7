"""Hyper-parameters: what is refused, and the mapping that stands for them in a configuration."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nrms_torch.errors import InputError
from nrms_torch.model.hyper_parameters import (
    NRMSDocVecHyperParameters,
    NRMSHyperParameters,
    StandardNRMSDocVecHyperParameters,
    StandardNRMSHyperParameters,
    from_mapping,
    to_mapping,
)

NRMS = {"name": "nrms", "vocabulary_size": 50, "embedding_size": 8}
DOCVEC = {"name": "nrms_docvec", "document_vector_size": 9}
SIZES = ("history_size", "head_num", "head_dim", "attention_hidden_dim")
sizes = st.integers(1, 1000)


@pytest.mark.parametrize("mapping", [NRMS, DOCVEC], ids=lambda mapping: mapping["name"])
@pytest.mark.parametrize("value", [0, -1, 2.5, "4", None, True])
@pytest.mark.parametrize("field", SIZES)
def test_a_size_that_is_no_positive_integer_is_refused(mapping, field, value):
    with pytest.raises(InputError, match=rf"^model\.{field}: .*found"):
        from_mapping(mapping | {field: value})


@pytest.mark.parametrize(
    ("mapping", "field", "value"),
    [
        (NRMS, "vocabulary_size", 0),
        (NRMS, "embedding_size", -3),
        (NRMS, "title_size", 0),
        (NRMS, "pad_token", -1),
        (DOCVEC, "document_vector_size", 0),
        (NRMS, "variant", "paper"),
        (DOCVEC, "variant", None),
        (NRMS, "dropout", -0.1),
        (NRMS, "dropout", 1),
        (NRMS, "dropout", "a"),
        (NRMS, "dropout", None),
        (NRMS, "newsencoder_l2_regularization", math.inf),
        (NRMS, "newsencoder_l2_regularization", "1e-4"),
        (NRMS, "newsencoder_units_per_layer", 5),
        (NRMS, "newsencoder_units_per_layer", "400"),
        (DOCVEC, "dropout", math.nan),
        (DOCVEC, "newsencoder_l2_regularization", -1e-4),
        (DOCVEC, "newsencoder_l2_regularization", math.nan),
        (DOCVEC, "newsencoder_units_per_layer", [512, 0]),
        (DOCVEC, "newsencoder_units_per_layer", [512, "512"]),
        (NRMS, "newsencoder_units_per_layer", [400, 399]),
    ],
)
def test_a_value_that_no_model_can_have_is_refused(mapping, field, value):
    with pytest.raises(InputError, match=rf"^model\.{field}: "):
        from_mapping(mapping | {field: value})


@pytest.mark.parametrize("name", ["NRMS", "", None])
def test_an_unknown_model_is_refused(name):
    with pytest.raises(InputError, match=r"^model\.name: .*nrms, nrms_docvec"):
        from_mapping({**NRMS, "name": name})


def test_a_field_of_the_other_model_is_refused():
    with pytest.raises(InputError, match=r"^model\.title_size: no such field"):
        from_mapping(DOCVEC | {"title_size": 30})


@pytest.mark.parametrize("missing", ["vocabulary_size", "embedding_size"])
def test_a_missing_field_is_named(missing):
    incomplete = {name: value for name, value in NRMS.items() if name != missing}
    with pytest.raises(InputError, match=missing):
        from_mapping(incomplete)


def test_the_defaults_are_the_baselines():
    nrms, docvec = from_mapping(NRMS), from_mapping(DOCVEC)
    assert (nrms.head_num, nrms.head_dim, nrms.title_size, nrms.history_size) == (20, 20, 30, 20)
    assert (docvec.head_num, docvec.head_dim, docvec.history_size) == (16, 16, 20)
    assert (nrms.attention_hidden_dim, docvec.attention_hidden_dim) == (200, 200)
    assert nrms.newsencoder_units_per_layer == ()
    assert docvec.newsencoder_units_per_layer == (512, 512, 512)
    for hyper_parameters in (nrms, docvec):
        assert hyper_parameters.variant == "baseline"
        assert hyper_parameters.dropout == 0.2
        assert hyper_parameters.newsencoder_l2_regularization == 1e-4


STANDARD = {"variant": "standard"}


def test_the_standard_variants_vectors_have_content_category_and_popularity():
    nrms = from_mapping(NRMS | STANDARD | {"categories": ["art", "war"]})
    docvec = from_mapping(DOCVEC | STANDARD)
    assert (nrms.vector_size, docvec.vector_size) == (8 + 2 + 1, 9 + 0 + 1)
    assert nrms.history_size == docvec.history_size == 50


def test_a_field_that_the_other_variant_has_is_refused():
    with pytest.raises(InputError, match=r"^model\.dropout: no such field"):
        from_mapping(DOCVEC | STANDARD | {"dropout": 0.1})
    with pytest.raises(InputError, match=r"^model\.categories: no such field"):
        from_mapping(DOCVEC | {"categories": []})


@pytest.mark.parametrize("categories", ["art", [1, 2]])
def test_categories_that_are_no_names_are_refused(categories):
    with pytest.raises(InputError, match=r"^model\.categories: "):
        from_mapping(NRMS | STANDARD | {"categories": categories})


shared = dict.fromkeys(SIZES, sizes)
baseline = {
    **shared,
    "dropout": st.floats(0, 1, exclude_max=True),
    "newsencoder_l2_regularization": st.floats(0, 10),
}
standard = {**shared, "categories": st.lists(st.text(), max_size=3)}
titles = {
    "title_size": sizes,
    "vocabulary_size": sizes,
    "embedding_size": sizes,
    "pad_token": st.integers(0, 1000),
}
made = st.one_of(
    st.builds(NRMSHyperParameters, **baseline, **titles),
    st.builds(
        NRMSDocVecHyperParameters,
        **baseline,
        document_vector_size=sizes,
        newsencoder_units_per_layer=st.lists(sizes, max_size=4),
    ),
    st.builds(StandardNRMSHyperParameters, **standard, **titles),
    st.builds(StandardNRMSDocVecHyperParameters, **standard, document_vector_size=sizes),
)


@given(made)
def test_a_mapping_gives_back_what_it_was_made_of(hyper_parameters):
    mapping = to_mapping(hyper_parameters)
    assert from_mapping(mapping) == hyper_parameters
    assert all(isinstance(value, str | int | float | list) for value in mapping.values())


def test_from_mapping_leaves_its_argument_as_it_was():
    mapping = dict(NRMS)
    from_mapping(mapping)
    assert mapping == NRMS
