"""A split's own ids as the TensorFlow reference's loaders take them, past all of our indexing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from nrms_torch.data.articles import ArticleTable
from nrms_torch.data.schema import CLICKED, HISTORY, HISTORY_KEY, INVIEW, Split

if TYPE_CHECKING:  # TensorFlow takes seconds to import, and may not be installed
    from nrms_tf_reference.data import ArticleLookup, Impression


def twin_impressions(split: Split) -> list[Impression]:
    """Give the impressions of a labelled split, in its order, with whole histories."""
    from nrms_tf_reference.data import Impression

    histories = split.histories.collect()
    history_of = dict(zip(histories[HISTORY_KEY], histories[HISTORY].to_list(), strict=True))
    shown = split.impressions.select(HISTORY_KEY, INVIEW, CLICKED).collect()
    return [
        Impression(history_of.get(key, []), inview, [int(id_ in clicked) for id_ in inview])
        for key, inview, clicked in shown.iter_rows()
    ]


def twin_lookup(table: ArticleTable, *, mean_for_unknown: bool = False) -> ArticleLookup:
    """Give the reference's lookup of the articles of our table, whose features it shares."""
    from nrms_tf_reference.data import ArticleLookup

    known = dict(zip(_plain(table.ids), table.features[1:], strict=True))
    return ArticleLookup(known, mean_for_unknown=mean_for_unknown)


def _plain(ids: pl.Series) -> list[int | str]:
    return ids.to_list()
