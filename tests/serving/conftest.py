"""Clients of the app over small bundles, made once."""

import pytest
from served import make_client

from nrms_torch.serving import Recommender


@pytest.fixture(scope="session")
def vector_bundle(exported):
    """A bundle of a model that reads document vectors."""
    return exported("nrms_docvec", "baseline")[1]


@pytest.fixture
def client(bundle):
    """A client of a server that nobody has changed yet."""
    return make_client(bundle)


@pytest.fixture(scope="session")
def library(bundle):
    """What the server stands on, for the expected answers."""
    return Recommender(bundle)


@pytest.fixture(scope="session")
def ids(library):
    """The ids of its articles."""
    return [article.article_id for article in library.articles()]
