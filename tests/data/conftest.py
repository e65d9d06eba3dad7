"""Two small sound data folders, written as the real ones are."""

from pathlib import Path

import polars as pl
import pytest

MIND_HISTORY = "N1 N2 N3"


@pytest.fixture
def ebnerd_folder(tmp_path: Path) -> Path:
    """Two labelled splits, a test split without labels, and articles, in the official types."""
    folder = tmp_path / "ebnerd"
    behaviors = pl.DataFrame(
        {
            "impression_id": [17, 18, 19],
            "user_id": [5, 6, 7],
            "article_ids_inview": [[10, 11, 12], [12, 10], [13, 11]],
            "article_ids_clicked": [[12], [10, 12], []],
            "is_subscriber": [True, False, False],
        },
        schema={
            "impression_id": pl.UInt32,
            "user_id": pl.UInt32,
            "article_ids_inview": pl.List(pl.Int32),
            "article_ids_clicked": pl.List(pl.Int32),
            "is_subscriber": pl.Boolean,
        },
    )
    history = pl.DataFrame(
        {
            "user_id": [5, 6],
            "article_id_fixed": [[10, 13], [11]],
            "read_time_fixed": [[1.0], [2.0]],
        },
        schema_overrides={"user_id": pl.UInt32, "article_id_fixed": pl.List(pl.Int32)},
    )
    unlabelled = behaviors.drop("article_ids_clicked").with_columns(
        pl.lit(0, dtype=pl.UInt32).alias("impression_id"), is_beyond_accuracy=True
    )
    for split, table in (("train", behaviors), ("validation", behaviors[:2]), ("test", unlabelled)):
        (folder / split).mkdir(parents=True)
        table.write_parquet(folder / split / "behaviors.parquet")
        history.write_parquet(folder / split / "history.parquet")
    articles = pl.DataFrame(
        {
            "article_id": [10, 11, 12, 10],
            "title": ["Ti", "El", None, "Ti igen"],
            "subtitle": ["under", None, "tolv", ""],
            "body": ["brød", "", None, "igen"],
            "category": [1, 2, 3, 1],
            "category_str": ["sport", "nyheder", None, "sport"],
        },
        schema_overrides={"article_id": pl.Int32, "category": pl.Int16},
    )
    articles.write_parquet(folder / "articles.parquet")
    return folder


@pytest.fixture
def mind_folder(tmp_path: Path) -> Path:
    """Train and dev with labels and a test split without, in MIND's own tsv."""
    folder = tmp_path / "mind"
    labelled = [
        f"1\tU1\t11/9/2019 6:42:51 PM\t{MIND_HISTORY}\tN4-0 N5-1 N6-0",
        "2\tU2\t11/9/2019 6:43:00 PM\t\tN5-1",
        f"3\tU3\t11/9/2019 6:44:00 PM\t{MIND_HISTORY}\tN6-1 N4-1",
    ]
    news = [
        'N1\tsports\tgolf\tA "quote that never ends\tAbstract\thttps://x\t[]\t[]',
        "N2\tnews\tworld\tPlain title\t\thttps://y\t[]\t[]",
    ]
    more_news = [
        "N2\tnews\tworld\tAnother title\t\thttps://y\t[]\t[]",
        'N3\tnews\tworld\t"Quoted" title\tIt\'s short\thttps://z\t[]\t[]',
    ]
    for split, impressions, articles in (
        ("train", labelled, news),
        ("dev", labelled[:1], more_news),
        ("test", ["9\tU9\t11/9/2019 6:42:51 PM\tN1\tN4 N5"], news),
    ):
        (folder / split).mkdir(parents=True)
        (folder / split / "behaviors.tsv").write_text("\n".join(impressions) + "\n")
        (folder / split / "news.tsv").write_text("\n".join(articles) + "\n")
    return folder
