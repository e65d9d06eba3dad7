"""What the news encoder reads of articles that arrive: their title's tokens, or their vector."""

from collections.abc import Sequence

import numpy as np

from nrms_torch.errors import InputError
from nrms_torch.serving.articles import Article
from nrms_torch.serving.bundle import Bundle


def article_features(bundle: Bundle, articles: Sequence[Article]) -> tuple[np.ndarray, int]:
    """Give tokens (U, T) int32 or vectors (U, W) float32, and how many tokens were left out.

    Raises InputError, naming article and field, for one without what the model reads.
    """
    width = bundle.features.shape[1]
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
