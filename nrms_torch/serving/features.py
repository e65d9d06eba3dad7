"""What the news encoder reads of articles that arrive: their title's tokens, or their vector.

In the standard variant with their facts: the category, and the popularity that an article brings.
"""

from collections.abc import Sequence

import numpy as np

from nrms_torch.data.facts import FACTS, POPULARITY_UNIT, numbered
from nrms_torch.errors import InputError
from nrms_torch.model.hyper_parameters import StandardHyperParameters
from nrms_torch.serving.articles import Article, Snapshot
from nrms_torch.serving.bundle import Bundle
from nrms_torch.serving.encoders import Encoders

_LARGEST = 1e9


def encoded(
    bundle: Bundle, encoders: Encoders, now: Snapshot, articles: Sequence[Article]
) -> tuple[np.ndarray, np.ndarray | None, int]:
    """Give vectors (U, D) of articles (U,), tokens (U, T), and how many of these were left out.

    Tokens are None for document vectors. Raises InputError as `article_features` does, and where a
    vector is none that can be ranked by.
    """
    # An update keeps what train's readers clicked; what is new has no popularity.
    old = [now.vectors[now.row(article.article_id)] for article in articles]
    popularity = [round(float(vector[-1]) / POPULARITY_UNIT) for vector in old]
    features, left_out = article_features(bundle, articles, popularity)
    vectors = encoders.news(features)
    for place, vector in enumerate(vectors):
        _require_moderate(f"articles[{place}]: the model's vector of it", vector)
    return vectors, features if bundle.reads_titles else None, left_out


def article_features(
    bundle: Bundle, articles: Sequence[Article], popularity: Sequence[int]
) -> tuple[np.ndarray, int]:
    """Give tokens (U, T) int32 or vectors (U, W) float32, and how many tokens were left out.

    In the standard variant facts stand behind them, of which `popularity`, in units, is one.
    Raises InputError, naming article and field, for one without what the model reads.
    """
    hyper_parameters = bundle.hyper_parameters
    if not isinstance(hyper_parameters, StandardHyperParameters):
        return _texts_or_vectors(bundle, articles, bundle.feature_size)
    features, left_out = _texts_or_vectors(bundle, articles, bundle.feature_size - FACTS)
    numbers = numbered([article.category for article in articles], hyper_parameters.categories)
    facts = np.stack([numbers, np.asarray(popularity, dtype=np.int32)], axis=1)
    return np.concatenate([features, facts.astype(features.dtype)], axis=1), left_out


def _texts_or_vectors(
    bundle: Bundle, articles: Sequence[Article], width: int
) -> tuple[np.ndarray, int]:
    if bundle.vocabulary is None:
        vectors = [_vector(place, article, width) for place, article in enumerate(articles)]
        return np.array(vectors, dtype=np.float32).reshape(-1, width), 0
    columns = bundle.manifest["data"]["text_columns"]
    texts = [_text(place, article, columns) for place, article in enumerate(articles)]
    return bundle.vocabulary.tokenise_known(texts, width)


def _vector(place: int, article: Article, width: int) -> np.ndarray:
    field = f"articles[{place}].vector"
    if article.vector is None:
        raise InputError(f"{field}: missing; this model reads document vectors of width {width}")
    try:
        given = np.asarray(article.vector)
        listed = () if given is article.vector else article.vector
        # numpy would read "1.5" and true as numbers.
        if given.dtype.kind not in "iuf" or any(isinstance(each, bool) for each in listed):
            raise TypeError("other values")
        with np.errstate(over="ignore"):  # told below
            vector = given.astype(np.float32)
    except (TypeError, ValueError) as error:
        raise InputError(f"{field}: expected {width} numbers, found {error}") from error
    if vector.shape != (width,):
        raise InputError(f"{field}: expected {width} numbers, found the shape {vector.shape}")
    _require_moderate(field, vector)
    return vector


def _require_moderate(field: str, vector: np.ndarray) -> None:
    """Raise InputError, naming `field`, where a vector (W,) is none that a model can compute with.

    What is finite here may be infinite in a product. No encoder gives numbers of this size.
    """
    if not (np.abs(vector) <= _LARGEST).all():
        raise InputError(f"{field}: expected finite numbers, from -1e9 to 1e9")


def _text(place: int, article: Article, columns: Sequence[str]) -> str:
    if article.vector is not None:
        raise InputError(f"articles[{place}].vector: this model reads titles, not vectors")
    text = " ".join(str(getattr(article, column)) for column in columns).strip()
    if not text:
        raise InputError(f"articles[{place}]: no text; this model reads {', '.join(columns)}")
    return text
