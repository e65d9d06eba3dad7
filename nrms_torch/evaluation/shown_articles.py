"""What people know an article by: its title and its category."""

from typing import NamedTuple

import polars as pl

from nrms_torch.data.datamodule import NewsDataModule
from nrms_torch.data.schema import ARTICLE_ID, CATEGORY, TITLE


class ShownArticles(NamedTuple):
    """Titles and categories by row of the article table (R,), empty for the unknown article."""

    titles: list[str]
    categories: list[str]


def shown_articles(datamodule: NewsDataModule) -> ShownArticles | None:
    """Look up all articles; None where the data has no articles' file."""
    config, ids = datamodule.config, datamodule.table.ids
    articles = config.reader.read_articles(config.folder)
    if articles is None:
        return None
    shown = articles.select(ARTICLE_ID, TITLE, CATEGORY).collect()
    rows = pl.DataFrame({ARTICLE_ID: ids}).join(
        shown, on=ARTICLE_ID, how="left", maintain_order="left"
    )
    columns = (["", *rows[name].fill_null("").to_list()] for name in (TITLE, CATEGORY))
    return ShownArticles(*columns)
