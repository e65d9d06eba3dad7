"""The generated articles' text: words, in no order, that carry topic and style."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import numpy as np
import polars as pl

from nrms_torch.data.demo.schema import ARTICLE_SCHEMA
from nrms_torch.data.demo.world import STYLES, TOPICS, Articles, Integers, random_stream

LIST_LENGTH = 30  # words of one topic, of one style, or of no meaning
TOPIC_SHARE, STYLE_SHARE = 0.7, 0.2  # the remaining words mean nothing
WORD_LISTS = TOPICS + STYLES + 1
ROWS = 10_000  # articles made at a time


def words() -> pl.Series:
    """Give the words of all lists, one list after the other; a topic is named by its first."""
    return pl.Series(Path(__file__).with_name("words.txt").read_text(encoding="utf-8").split())


def article_tables(seed: int, articles: Articles, epoch: datetime) -> Iterator[pl.DataFrame]:
    """articles.parquet in parts of ROWS articles, with the official columns.

    The totals of views and reading time stay empty: they would tell of clicks still to come.
    """
    names = words().gather_every(LIST_LENGTH).head(TOPICS)
    for start in range(0, len(articles), ROWS):
        rng = random_stream(seed, "text", start)
        rows = np.arange(start, min(start + ROWS, len(articles)))
        main, second = articles.main[rows], articles.second[rows]
        published = pl.lit(epoch) + pl.duration(seconds=pl.col("published"))
        columns = {
            "article_id": articles.ids[rows],
            "title": _text(rng, articles, rows, 6, 10),
            "subtitle": _text(rng, articles, rows, 8, 14),
            "body": _text(rng, articles, rows, 30, 50),
            "published": articles.published[rows].astype(np.int64),
            "premium": rng.random(len(rows)) < 0.15,
            "main": names.gather(main),
            "second": names.gather(second),
            "category": main,
            "subcategory": second,
            "sentiment_score": rng.uniform(0.4, 1.0, size=len(rows)),
            "sentiment_label": rng.choice(["Negative", "Neutral", "Positive"], size=len(rows)),
        }
        table = pl.DataFrame(columns).with_columns(
            published_time=published,
            last_modified_time=published + pl.duration(hours=1),
            image_ids=pl.concat_list("article_id"),
            article_type=pl.lit("article_default"),
            url=pl.format("https://news.example/{}/{}", "main", "article_id"),
            topics=pl.concat_list("main", "second"),
            category_str="main",
            subcategory=pl.concat_list("subcategory"),
            **{name: pl.lit([]) for name in ("ner_clusters", "entity_groups")},
            **{name: pl.lit(None) for name in ("total_inviews", "total_pageviews")},
            total_read_time=pl.lit(None),
        )
        yield table.select(pl.col(name).cast(dtype) for name, dtype in ARTICLE_SCHEMA.items())


def _text(
    rng: np.random.Generator,
    articles: Articles,
    rows: Integers,
    shortest: int,
    longest: int,
) -> pl.Series:
    """One text of `shortest` to `longest` words for each of these articles."""
    lengths = rng.integers(shortest, longest, size=len(rows), endpoint=True)
    article = np.repeat(rows, lengths)
    of_main = rng.random(len(article)) < articles.share[article]
    kind = rng.random(len(article))
    word_list = np.where(of_main, articles.main[article], articles.second[article])
    word_list = np.where(kind < TOPIC_SHARE, word_list, TOPICS + articles.style[article])
    word_list = np.where(kind < TOPIC_SHARE + STYLE_SHARE, word_list, WORD_LISTS - 1)
    zipf = np.cumsum(1 / np.arange(1, LIST_LENGTH + 1))
    rank = np.searchsorted(zipf, zipf[-1] * rng.random(len(article)), side="right")
    chosen = pl.DataFrame({"row": article, "word": words().gather(word_list * LIST_LENGTH + rank)})
    return chosen.group_by("row", maintain_order=True).agg(pl.col("word").str.join(" "))["word"]
