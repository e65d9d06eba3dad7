"""A data set in a few columns that people can judge: one row an impression, one an article."""

from typing import Any

import polars as pl

from nrms_torch.data.config import DataConfig
from nrms_torch.data.schema import (
    ARTICLE_ID,
    BODY,
    CATEGORY,
    CLICKED,
    HISTORY,
    HISTORY_KEY,
    INVIEW,
    SUBTITLE,
    TIME,
    TITLE,
    Split,
)

# What can be held to a range; a data set has those for which it has articles, labels and times.
NUMERIC = (
    *("in_view", "history_length", "clicks", "click_position", "unknown_in_view"),
    *("hour", "weekday", "title_words", "title_characters", "text_words"),
)
_ROW = "row"
_CLICK = "first click"


def impression_features(
    config: DataConfig, split: str, articles: pl.DataFrame | None, rows: int | None = None
) -> pl.DataFrame:
    """Describe the impressions of a split, or `rows` of them at equal distances.

    Columns `in_view`, `history_length`; with labels `clicks` and `click_position`, from 0 for the
    first candidate to 1 for the last; with articles `unknown_in_view`, the share of candidates that
    they lack, and the `clicked_category`; with times `hour` and `weekday`, from 1 for Monday. Null
    where an impression has no such thing. Raises InputError as the readers do.
    """
    tables: Split = config.reader.read_split(config.folder, split)
    times = config.reader.read_visits(config.folder, split)
    frame = tables.impressions
    if times is not None:
        frame = pl.concat([frame, times], how="horizontal")
    if rows is not None:
        number = frame.select(pl.len()).collect().item()
        frame = frame.gather_every(max(1, -(-number // rows)))
    impressions = frame.with_row_index(_ROW).collect()
    lengths = tables.histories.select(
        HISTORY_KEY, pl.col(HISTORY).list.len().alias("history_length")
    )
    columns = [
        pl.col(INVIEW).list.len().alias("in_view"),
        pl.col("history_length").fill_null(0),
    ]
    if tables.labelled:
        columns.append(pl.col(CLICKED).list.len().alias("clicks"))
    if times is not None:
        columns += [
            pl.col(TIME).dt.hour().alias("hour"),
            pl.col(TIME).dt.weekday().alias("weekday"),
        ]
    joined = impressions.join(
        lengths.collect(), on=HISTORY_KEY, how="left", maintain_order="left"
    ).select(_ROW, *columns)
    more = [_of_clicks(impressions, articles)] if tables.labelled else []
    if articles is not None:
        more.append(_unknown(impressions, articles))
    for table in more:
        joined = joined.join(table, on=_ROW, how="left", maintain_order="left")
    return joined.drop(_ROW)


def articles_of(config: DataConfig) -> pl.DataFrame | None:
    """Read the articles, None where the data has none; InputError as the reader raises it."""
    articles: pl.LazyFrame | None = config.reader.read_articles(config.folder)
    return None if articles is None else articles.collect()


def article_features(articles: pl.DataFrame) -> pl.DataFrame:
    """Describe articles: `title_words`, `title_characters`, `text_words` and `category`."""
    text = pl.concat_str([SUBTITLE, BODY], separator=" ")
    return articles.select(
        _words(pl.col(TITLE)).alias("title_words"),
        pl.col(TITLE).str.len_chars().alias("title_characters"),
        _words(text).alias("text_words"),
        pl.col(CATEGORY).alias("category"),
    )


def _words(text: pl.Expr) -> pl.Expr:
    return text.str.count_matches(r"\S+")


def _of_clicks(impressions: pl.DataFrame, articles: pl.DataFrame | None) -> pl.DataFrame:
    """Give where in view the first click was, and its article's category."""
    size = pl.col(INVIEW).list.len()
    first = impressions.select(_ROW, INVIEW, pl.col(CLICKED).list.first().alias(_CLICK)).filter(
        pl.col(_CLICK).is_not_null()
    )
    places = first.select(
        _ROW, _CLICK, INVIEW, pl.int_ranges(size).alias("place"), size.alias("size")
    ).explode(INVIEW, "place")
    share = pl.col("place") / (pl.col("size") - 1)
    found = (
        places.filter((pl.col(INVIEW) == pl.col(_CLICK)) & (pl.col("size") > 1))
        .unique(_ROW, keep="first", maintain_order=True)
        .select(_ROW, share.alias("click_position"))
    )
    if articles is None:
        return found
    categories = articles.select(pl.col(ARTICLE_ID).alias(_CLICK), CATEGORY)
    clicked = first.select(_ROW, _CLICK).join(categories, on=_CLICK, how="left")
    named = clicked.select(_ROW, pl.col(CATEGORY).alias("clicked_category"))
    return named.join(found, on=_ROW, how="left")


def _unknown(impressions: pl.DataFrame, articles: pl.DataFrame) -> pl.DataFrame:
    """Give the share of candidates that are among no articles."""
    known: Any = articles[ARTICLE_ID].implode()
    candidates = impressions.select(_ROW, INVIEW).explode(INVIEW)
    return candidates.group_by(_ROW).agg(
        (~pl.col(INVIEW).is_in(known)).mean().alias("unknown_in_view")
    )
