"""The article table: from an article id to its row, and the row's tokens or document vector."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from nrms_torch.data.checks import (
    ROW,
    Rule,
    check_rows,
    not_null,
    reading_parquet,
    require_file,
    scan_parquet,
)
from nrms_torch.data.columns import ID, VECTOR, is_index
from nrms_torch.data.schema import ARTICLE_ID
from nrms_torch.data.vocabulary import Vocabulary
from nrms_torch.errors import InputError


@dataclass(frozen=True)
class ArticleTable:
    """Rows of all known articles, known ids from row 1 on; row 0 is the unknown article.

    `ids` (R - 1,) are in row order; `features` are title tokens (R, T) int32 or document vectors
    (R, W) float32, with so many columns of `facts` behind them as `data.facts` has put there. Row 0
    is zeros, as in the baseline, or the mean of the vectors.
    """

    ids: pl.Series
    features: np.ndarray
    facts: int = 0

    @property
    def content(self) -> np.ndarray:
        """The features without the columns of facts: tokens (R, T) or document vectors (R, W)."""
        return self.features[:, : self.features.shape[1] - self.facts]

    def rows(self, ids: pl.Series) -> np.ndarray:
        """Look up ids (N,) as rows (N,) int32; id 0, null and every unknown id give row 0.

        Raises InputError where the ids are of another kind than the table's, such as text for
        integers: every lookup would miss.
        """
        if ids.dtype.is_integer() != self.ids.dtype.is_integer():
            raise InputError(
                f"article ids: the impressions hold {ids.dtype}, the articles {self.ids.dtype}; "
                "expected one kind"
            )
        if ids.dtype.is_integer():
            ids = ids.replace(0, None)  # an id that pads histories is no article's
        rows = pl.Series(np.arange(1, len(self.ids) + 1, dtype=np.int32))
        return (
            ids.cast(self.ids.dtype)
            .replace_strict(self.ids, rows, default=0, return_dtype=pl.Int32)
            .to_numpy()
        )


def title_table(
    ids: pl.Series, texts: list[str], vocabulary: Vocabulary, title_size: int
) -> tuple[ArticleTable, Vocabulary]:
    """Tokenise texts (R - 1,) to `title_size` tokens each; row 0 is zeros.

    Gives with the table a vocabulary that covers it.
    """
    token_ids = vocabulary.tokenise(texts, title_size)
    vocabulary = vocabulary.covering(token_ids)
    unknown = np.zeros((1, title_size), dtype=np.int32)
    return ArticleTable(ids, np.concatenate([unknown, vocabulary.localise(token_ids)])), vocabulary


def article_texts(
    articles: pl.LazyFrame, text_columns: Sequence[str]
) -> tuple[pl.Series, list[str]]:
    """Give ids and texts, the text columns joined by a space, as the benchmark joins them.

    Raises InputError for a column that articles do not have.
    """
    known = articles.collect_schema().names()
    if missing := [column for column in text_columns if column not in known]:
        raise InputError(
            f"data.text_columns: articles have no column {missing[0]!r}, only {', '.join(known)}"
        )
    text = pl.concat_str(text_columns, separator=" ").str.strip_chars()
    frame = articles.select(ARTICLE_ID, text.alias("text")).collect()
    return frame[ARTICLE_ID], frame["text"].to_list()


def vector_table(path: Path, *, unknown: str = "zeros") -> ArticleTable:
    """Read document vectors: a parquet of one id column and one column of equally long lists.

    That is how EB-NeRD's artifacts come, whatever they call their columns. `unknown` is what
    row 0 holds: `zeros`, or the `mean` of all vectors. Of equal ids the last counts, as in the
    benchmark's dictionary. Raises InputError for anything else.
    """
    ids, lists = _read_vectors(path)
    vectors = lists.explode().to_numpy().reshape(len(ids), -1)
    first = vectors.mean(axis=0, keepdims=True) if unknown == "mean" else np.zeros_like(vectors[:1])
    return ArticleTable(ids, np.concatenate([first, vectors]))


def _read_vectors(path: Path) -> tuple[pl.Series, pl.Series]:
    """Read the file's ids and equally long lists of float32, one row an article."""
    table, id_column, vector_column = _scan_vectors(path)
    vector = pl.col(vector_column)
    length, first_length = vector.list.len(), vector.list.len().first()
    rules = [
        not_null(id_column, "an id"),
        not_null(vector_column, "a document vector"),
        Rule(
            f"column {vector_column}",
            (length != first_length) | (length == 0),
            pl.format("{} values", length),
            "as many as in row 1, at least one",
        ),
        Rule(
            f"column {vector_column}",
            ~vector.list.eval(pl.element().is_finite().fill_null(value=False)).list.all(),
            pl.lit("a null, NaN or infinite value"),
            "finite numbers only",
        ),
    ]
    with reading_parquet(path):
        check_rows(table, path, pl.format("row {}", ROW), rules)
        frame = table.collect().unique(id_column, keep="last", maintain_order=True)
    return frame[id_column], frame[vector_column]


def _scan_vectors(path: Path) -> tuple[pl.LazyFrame, str, str]:
    """Scan the file's one id column and one list column, and say what they are called."""
    require_file(path)
    with reading_parquet(path):
        schema = pl.scan_parquet(path, glob=False).collect_schema()
    ids = [name for name, dtype in schema.items() if ID.accepts(dtype) and not is_index(name)]
    vectors = [name for name, dtype in schema.items() if VECTOR.accepts(dtype)]
    if ARTICLE_ID in ids:
        ids = [ARTICLE_ID]
    if len(ids) != 1 or len(vectors) != 1:
        raise InputError(
            f"{path}: expected one id column and one list column, found {dict(schema)}"
        )
    return scan_parquet(path, {ids[0]: ID, vectors[0]: VECTOR}, {}), ids[0], vectors[0]
