"""What every reader returns: one split of impressions, with one set of column names."""

from dataclasses import dataclass
from pathlib import Path

import polars as pl

IMPRESSION_ID = "impression_id"
HISTORY_KEY = "history_key"
HISTORY = "history"
INVIEW = "inview"
CLICKED = "clicked"
ARTICLE_ID = "article_id"
TITLE = "title"
SUBTITLE = "subtitle"
BODY = "body"
CATEGORY = "category"


@dataclass(frozen=True)
class Split:
    """One split of a data folder as lazy tables, checked by its reader.

    `impressions` has IMPRESSION_ID (Int64), HISTORY_KEY, INVIEW (list of article ids, in the order
    shown) and, where `labelled`, CLICKED (list of article ids, all of them in view).
    `histories` has HISTORY_KEY (unique) and HISTORY (list of article ids, oldest click first).
    Article ids are Int64 (EB-NeRD) or String (MIND); a list is never null, its items may be.
    """

    folder: Path
    impressions: pl.LazyFrame
    histories: pl.LazyFrame
    labelled: bool
