"""From article ids to the rows of a snapshot, and back to what is shown."""

from collections.abc import Sequence

import numpy as np

from nrms_torch.errors import InputError
from nrms_torch.serving.articles import Article, ArticleId, Snapshot


def rows_of(
    now: Snapshot, field: str, article_ids: Sequence[ArticleId]
) -> tuple[list[int], list[ArticleId]]:
    """Look up ids (N,) as rows, 0 for an unknown one, and give the unknown ids, once each.

    Raises InputError, naming `field`, for an id of another kind than the articles'.
    """
    try:
        rows = now.rows(article_ids)
    except TypeError as error:
        raise InputError(f"{field}: expected article ids, found {error}") from error
    if 0 not in rows:
        return rows, []
    unknown = [article_id for article_id, row in zip(article_ids, rows, strict=True) if not row]
    for article_id in unknown:
        now.require_kind(field, article_id)
    return rows, list(dict.fromkeys(unknown))


def history_rows(
    now: Snapshot, history: Sequence[ArticleId], size: int
) -> tuple[np.ndarray, list[ArticleId]]:
    """Look up the last `size` clicks, left-padded with the unknown article's row: (H,) int64.

    Gives the ids that are unknown with them, once each, and raises InputError as `rows_of` does.
    """
    found, unknown = rows_of(now, "history", history[-size:])
    rows = np.zeros(size, dtype=np.int64)
    if found:
        rows[-len(found) :] = found
    return rows, [article_id for article_id in unknown if article_id != 0]  # 0 pads histories


def shown(now: Snapshot, row: int) -> Article:
    """Give what is shown of the article in a row."""
    article_id = now.ids[row]
    assert article_id is not None
    return Article(article_id=article_id, title=now.titles[row], category=now.categories[row])
