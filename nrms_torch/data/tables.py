"""The article table that a data configuration asks for."""

from pathlib import Path

import numpy as np
import polars as pl

from nrms_torch.data.articles import ArticleTable, article_texts, title_table, vector_table
from nrms_torch.data.config import DataConfig
from nrms_torch.data.presence import require_articles
from nrms_torch.data.schema import ARTICLE_ID, HISTORY, INVIEW
from nrms_torch.data.transformer import transformer_vocabulary
from nrms_torch.data.vocabulary import Vocabulary, train_vocabulary
from nrms_torch.errors import InputError


def document_vectors(config: DataConfig) -> ArticleTable:
    """Read the table of document vectors; InputError where they are not given or not usable."""
    if config.vectors is None:
        raise InputError(
            "data.vectors: NRMSDocVec needs a parquet of document vectors; EB-NeRD's artifacts "
            "have some, and nrms embed makes one from titles"
        )
    return vector_table(Path(config.vectors), unknown=config.unknown_article)


def titles(
    config: DataConfig, title_size: int, vocabulary: Vocabulary | None
) -> tuple[ArticleTable, Vocabulary]:
    """Make the table of title tokens, by a vocabulary that is extended, or by a new one.

    Raises InputError where there are no articles or they are not usable.
    """
    ids, texts = article_texts(_articles(config), config.text_columns)
    if vocabulary is None:
        vocabulary = (
            transformer_vocabulary(config.transformer)
            if config.transformer
            else train_vocabulary(texts, config.vocabulary_size)
        )
    return title_table(ids, texts, vocabulary, title_size)


def article_titles(config: DataConfig) -> list[str]:
    """Give the texts (R - 1,) that `titles` makes tokens of."""
    return article_texts(_articles(config), config.text_columns)[1]


def titles_without_text(config: DataConfig) -> ArticleTable:
    """Make the table of `titles` with the same rows and no tokens, which takes far less time."""
    ids = _articles(config).select(ARTICLE_ID).collect()[ARTICLE_ID]
    return ArticleTable(ids, np.zeros((len(ids) + 1, 0), dtype=np.int32))


def ids_alone(config: DataConfig) -> ArticleTable:
    """Make a table without features: of the articles or, where there are none, of all ids."""
    articles = config.reader.read_articles(config.folder)
    if articles is None:
        splits = config.reader.available_splits(config.folder)
        tables = [config.reader.read_split(config.folder, split) for split in splits]
        lists = [each.impressions.select(pl.col(INVIEW)) for each in tables]
        lists += [each.histories.select(pl.col(HISTORY)) for each in tables]
        articles = pl.concat(each.select(pl.all().explode().alias(ARTICLE_ID)) for each in lists)
        articles = articles.drop_nulls().unique().sort(ARTICLE_ID)
    ids = articles.select(ARTICLE_ID).collect()[ARTICLE_ID]
    return ArticleTable(ids, np.zeros((len(ids) + 1, 0), dtype=np.float32))


def _articles(config: DataConfig) -> pl.LazyFrame:
    require_articles(config)
    articles: pl.LazyFrame | None = config.reader.read_articles(config.folder)
    if articles is None:
        raise InputError(
            f"{config.folder}: has no articles file, but NRMS reads titles; "
            "model=nrms_docvec needs data.vectors alone"
        )
    return articles
