"""What the news encoder reads of articles that arrive: their title's tokens, or their vector.

In the standard variant with their facts: the category, and the popularity that an article brings.
"""

from collections.abc import Sequence

import numpy as np

from nrms_torch.data.facts import FACTS, numbered
from nrms_torch.errors import InputError
from nrms_torch.model.hyper_parameters import StandardHyperParameters
from nrms_torch.serving.articles import Article
from nrms_torch.serving.bundle import Bundle


def article_features(
    bundle: Bundle, articles: Sequence[Article], popularity: Sequence[int]
) -> tuple[np.ndarray, int]:
    """Give tokens (U, T) int32 or vectors (U, W) float32, and how many tokens were left out.

    In the standard variant facts stand behind them, of which `popularity`, in units, is one.
    Raises InputError, naming article and field, for one without what the model reads.
    """
    hyper_parameters = bundle.hyper_parameters
    if not isinstance(hyper_parameters, StandardHyperParameters):
        return _texts_or_vectors(bundle, articles, bundle.features.shape[1])
    features, left_out = _texts_or_vectors(bundle, articles, bundle.features.shape[1] - FACTS)
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
        with np.errstate(over="ignore"):  # told below
            vector = np.asarray(article.vector, dtype=np.float32)
    except (TypeError, ValueError) as error:
        raise InputError(f"{field}: expected {width} numbers, found {error}") from error
    if vector.shape != (width,):
        raise InputError(f"{field}: expected {width} numbers, found the shape {vector.shape}")
    if not np.isfinite(vector).all():
        raise InputError(f"{field}: expected finite numbers, as float32")
    return vector


def _text(place: int, article: Article, columns: Sequence[str]) -> str:
    if article.vector is not None:
        raise InputError(f"articles[{place}].vector: this model reads titles, not vectors")
    text = " ".join(str(getattr(article, column)) for column in columns).strip()
    if not text:
        raise InputError(f"articles[{place}]: no text; this model reads {', '.join(columns)}")
    return text
