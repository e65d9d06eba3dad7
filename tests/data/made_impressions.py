"""What the tests of impressions and their loaders share: splits and impressions from lists."""

import numpy as np
import polars as pl
from hypothesis import settings
from hypothesis import strategies as st

from nrms_torch.data.impressions import Impressions
from nrms_torch.data.schema import CLICKED, HISTORY, HISTORY_KEY, IMPRESSION_ID, INVIEW, Split

# A first example may pay for a lazy import, which says nothing about the code.
unhurried = settings(deadline=None)

HISTORY_SIZE = 4

# An impression: the row of its history and its candidates, (article row, clicked) each.
shown = st.tuples(
    st.integers(0, 5),
    st.lists(st.tuples(st.integers(0, 30), st.booleans()), min_size=1, max_size=7),
)

# Article ids, of which a table may know some; histories by key; (history key, in view, clicked).
article = st.none() | st.integers(0, 20)
readers = st.dictionaries(st.integers(0, 5), st.lists(article, max_size=9), max_size=6)


@st.composite
def shown_to_readers(draw):
    inview = draw(st.lists(article, min_size=1, max_size=6))
    clickable = sorted({id_ for id_ in inview if id_ is not None})
    clicked = draw(st.lists(st.sampled_from(clickable))) if clickable else []
    return draw(st.none() | st.integers(0, 8)), inview, clicked


def split_of(folder, impressions, histories, *, labelled=True, article=pl.Int64):
    """A split of (history key, in view, clicked) and of {history key: clicks}."""
    ids = pl.List(article)
    keys, inview, clicked = zip(*impressions, strict=True) if impressions else ((), (), ())
    frame = pl.DataFrame(
        {
            IMPRESSION_ID: range(100, 100 + len(keys)),
            HISTORY_KEY: keys,
            INVIEW: inview,
            CLICKED: clicked,
        },
        schema={IMPRESSION_ID: pl.Int64, HISTORY_KEY: pl.Int64, INVIEW: ids, CLICKED: ids},
    )
    read = pl.DataFrame(
        {HISTORY_KEY: list(histories), HISTORY: list(histories.values())},
        schema={HISTORY_KEY: pl.Int64, HISTORY: ids},
    )
    return Split(folder, (frame if labelled else frame.drop(CLICKED)).lazy(), read.lazy(), labelled)


def impressions_of(parts, *, labelled=True, histories=6):
    """Impressions of (history row, [(article row, clicked)]) over histories that differ."""
    pairs = [pair for _, candidates in parts for pair in candidates]
    read = np.arange(histories * HISTORY_SIZE, dtype=np.int32).reshape(histories, HISTORY_SIZE)
    return Impressions(
        impression_ids=np.arange(len(parts), dtype=np.int64),
        history_index=np.array([history for history, _ in parts], dtype=np.int32),
        histories=np.where(np.arange(histories)[:, None] > 0, read, 0).astype(np.int32),
        offsets=np.cumsum([0, *(len(candidates) for _, candidates in parts)], dtype=np.int64),
        candidates=np.array([article for article, _ in pairs], dtype=np.int32),
        labels=np.array([clicked for _, clicked in pairs], dtype=bool) if labelled else None,
        unknown_articles=0,
    )


def many_impressions(number, histories, seed=0, *, labelled=True):
    """`number` impressions of 1 to 12 candidates by readers drawn from `histories` of them."""
    rng = np.random.default_rng(seed)
    offsets = np.cumsum([0, *rng.integers(1, 13, number)], dtype=np.int64)
    candidates = rng.integers(0, 1000, offsets[-1], dtype=np.int32)
    read = rng.integers(0, 1000, (histories, HISTORY_SIZE), dtype=np.int32)
    read[0] = 0
    return Impressions(
        impression_ids=rng.permutation(number),
        history_index=rng.integers(0, histories, number, dtype=np.int32),
        histories=read,
        offsets=offsets,
        candidates=candidates,
        labels=rng.random(offsets[-1]) < 0.3 if labelled else None,
        unknown_articles=0,
    )


def arrays_of(impressions):
    """All arrays that others use, by name."""
    names = ("impression_ids", "history_index", "histories", "offsets", "candidates", "labels")
    arrays = {name: getattr(impressions, name) for name in names}
    arrays["history_order"], arrays["history_ends"] = impressions.by_history
    if impressions.labels is not None:
        arrays["click_owners"], arrays["clicks"] = impressions.usable_clicks
    return arrays


def assert_same(found, expected):
    for (name, array), other in zip(
        arrays_of(found).items(), arrays_of(expected).values(), strict=True
    ):
        assert getattr(array, "dtype", None) == getattr(other, "dtype", None), name
        np.testing.assert_array_equal(array, other, err_msg=name)
    assert found.unknown_articles == expected.unknown_articles
    assert found.skipped == expected.skipped
