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
TIME = "time"
READER = "reader"
READ_SECONDS = "read_seconds"
PAGE = "page"

SPLITS = ("train", "validation", "test")


@dataclass(frozen=True)
class Split:
    """One split of a data folder as lazy tables, checked by its reader.

    `impressions` has IMPRESSION_ID (Int64, not always unique), HISTORY_KEY (Int64), INVIEW (list of
    article ids, in the order shown, at least one) and, where `labelled`, CLICKED (list of article
    ids, all of them in view, none null).
    `histories` has HISTORY_KEY (unique) and HISTORY (list of article ids, oldest click first); a
    key of `impressions` that is null or not among them stands for an empty history.
    Article ids are Int64 (EB-NeRD) or String (MIND); a list is never null, its items may be.
    """

    folder: Path
    impressions: pl.LazyFrame
    histories: pl.LazyFrame
    labelled: bool
