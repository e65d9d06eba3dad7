"""A small made-up site, as tables in memory and as the files that a site may export."""

import polars as pl

MINUTE = 60
START = 1_763_000_000  # seconds since 1970

ARTICLES = pl.DataFrame(
    {
        "sku": [f"a-{number}" for number in range(12)],
        "headline": [f"Title of {number}" for number in range(12)],
        "first_seen": [START + 10 * MINUTE * number for number in range(12)],
    }
)


def clicks(rows):
    """Make a table of clicks of rows (reader, article's number, minute)."""
    return pl.DataFrame(
        {
            "user": [f"reader-{reader}" for reader, *_ in rows],
            "sku": [f"a-{article}" for _, article, *_ in rows],
            "ts": [START + MINUTE * minute for _, _, minute, *_ in rows],
        }
    )


# Five readers, each of whom clicks on an article a quarter of an hour, no two on the same.
CLICKS = clicks(
    [
        (reader, (number + 2 * reader) % 10, 120 + 15 * number + reader)
        for number in range(10)
        for reader in range(5)
    ]
)
# The same in lists: three articles shown, of which the first was clicked.
IMPRESSIONS = CLICKS.select(
    "user",
    "ts",
    pl.format("{} {} a-{}", "sku", pl.lit("a-10"), pl.lit("11")).alias("items"),
    pl.col("sku").alias("hits"),
)


def mapping(events=CLICKS, articles=ARTICLES, **more):
    """Make the mapping of a log of events."""
    return {
        "articles": {"file": articles, "id": "sku", "title": "headline", "published": "first_seen"},
        "events": {"file": events, "reader": "user", "article": "sku", "time": "ts", **more},
    }


def mapping_of_lists(impressions=IMPRESSIONS, articles=ARTICLES, **more):
    """Make the mapping of a log of impressions."""
    columns = {"reader": "user", "time": "ts", "shown": "items", "clicked": "hits"}
    return {
        "articles": {"file": articles, "id": "sku", "title": "headline"},
        "impressions": {"file": impressions, **columns, **more},
    }


def behaviors(folder, split=None):
    """Read the impressions of one split, or of all there are."""
    files = sorted(folder.glob(f"{split or '*'}/behaviors.parquet"))
    return pl.concat([pl.read_parquet(file) for file in files]).sort("impression_id")
