"""Small models of each kind, far from their initial weights, and article tables to feed them."""

import torch

from nrms_torch.model.hyper_parameters import from_mapping
from nrms_torch.model.nrms import NRMS

KINDS = ("nrms", "nrms_dense_layers", "nrms_docvec")
VARIANTS = ("baseline", "standard")
STANDARD_KINDS = ("nrms", "nrms_docvec")  # dense layers are the baseline's alone
KINDS_OF_VARIANTS = [
    *((kind, "baseline") for kind in KINDS),
    *((kind, "standard") for kind in STANDARD_KINDS),
]
CATEGORIES = ["art", "sport", "war"]
ARTICLES, TITLE_SIZE, VOCABULARY, DOCUMENT_WIDTH = 12, 7, 50, 9

_SIZES = {"head_num": 2, "head_dim": 3, "attention_hidden_dim": 5}
_OF_VARIANT: dict[str, dict] = {
    "baseline": {"dropout": 0.0},
    "standard": {"categories": CATEGORIES},
}
_TOKENS = {"title_size": TITLE_SIZE, "vocabulary_size": VOCABULARY, "embedding_size": 8}
_KINDS = {
    "nrms": {"name": "nrms", **_TOKENS},
    "nrms_dense_layers": {"name": "nrms", **_TOKENS, "newsencoder_units_per_layer": [4, 6]},
    "nrms_docvec": {
        "name": "nrms_docvec",
        "document_vector_size": DOCUMENT_WIDTH,
    },
}
# Two layers of one shape: what is tied by shape would show.
_DENSE = {"newsencoder_units_per_layer": [10, 10, 10]}


def initial_model(kind, *, variant="baseline", seed=0, **values):
    """A model as it starts."""
    own = _OF_VARIANT[variant] | {"variant": variant}
    if variant == "baseline" and kind == "nrms_docvec":
        own = own | _DENSE
    return NRMS(from_mapping(_KINDS[kind] | _SIZES | own | values), seed=seed)


def trained_model(kind, **values):
    """A model far from its initial weights: normal noise is added to every parameter."""
    model = initial_model(kind, **values)
    generator = torch.Generator().manual_seed(8)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.3 * torch.randn(parameter.shape, generator=generator)
    return model


def article_table(kind, variant="baseline"):
    """Titles (ARTICLES, T) of one to T tokens, or vectors (ARTICLES, W); row 0 is unknown.

    Those of the standard variant have two facts behind them, category and popularity.
    """
    generator = torch.Generator().manual_seed(4)
    if kind == "nrms_docvec":
        table = torch.randn(ARTICLES, DOCUMENT_WIDTH, generator=generator)
    else:
        table = torch.randint(1, VOCABULARY, (ARTICLES, TITLE_SIZE), generator=generator)
        lengths = torch.randint(1, TITLE_SIZE + 1, (ARTICLES, 1), generator=generator)
        table[torch.arange(TITLE_SIZE) >= lengths] = 0
    if variant == "standard":
        categories = torch.randint(0, len(CATEGORIES) + 1, (ARTICLES, 1), generator=generator)
        popularity = torch.randint(-900, 900, (ARTICLES, 1), generator=generator)
        table = torch.cat([table, categories.to(table.dtype), popularity.to(table.dtype)], dim=1)
    table[0] = 0
    return table


def rows(*shape, seed=0):
    """Rows of an article table, drawn uniformly, the unknown article among them."""
    return torch.randint(0, ARTICLES, shape, generator=torch.Generator().manual_seed(seed))
