"""The article table: from an article id to its row, and the row's tokens or document vector."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from nrms_torch.data.schema import ARTICLE_ID
from nrms_torch.data.vocabulary import Vocabulary
from nrms_torch.errors import InputError


@dataclass(frozen=True)
class ArticleTable:
    """Rows of all known articles, known ids from row 1 on; row 0 is the unknown article.

    `ids` (R - 1,) are in row order; `features` are title tokens (R, T) int32 or document vectors
    (R, W) float32, and row 0 is zeros, as in the baseline.
    """

    ids: pl.Series
    features: np.ndarray

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
    row 0 holds: `zeros`, or the `mean` of all vectors. Raises InputError for anything else.
    """
    frame = _read_vectors(path)
    id_column, vector_column = frame.columns
    lists = frame[vector_column]
    widths = lists.list.len()
    width = widths[0]
    if (differing := (widths != width).arg_true()).len():
        row = differing[0]
        raise InputError(
            f"{path}: column {vector_column}, row {row}: found {widths[row]} values, "
            f"expected {width} as in row 0"
        )
    flat = lists.explode().cast(pl.Float32)
    if flat.null_count() or not flat.is_finite().all():
        row = (flat.is_null() | ~flat.is_finite()).arg_max() or 0
        raise InputError(
            f"{path}: column {vector_column}, row {row // width}: expected finite numbers only"
        )
    vectors = flat.to_numpy().reshape(-1, width)
    first = vectors.mean(axis=0, keepdims=True) if unknown == "mean" else np.zeros((1, width))
    return ArticleTable(frame[id_column], np.concatenate([first.astype(np.float32), vectors]))


def _read_vectors(path: Path) -> pl.DataFrame:
    """Read the file's id column and vector column, in this order, one row an article."""
    if not path.is_file():
        raise InputError(f"data.vectors: {path} is no file; expected a parquet of document vectors")
    try:
        schema = pl.scan_parquet(path).collect_schema()
        is_list = {name: isinstance(kind, pl.List | pl.Array) for name, kind in schema.items()}
        vectors = [name for name, found in is_list.items() if found]
        ids = [name for name, kind in schema.items() if kind.is_integer() or kind == pl.String]
        if len(vectors) != 1 or len(ids) != 1:
            raise InputError(
                f"{path}: expected one id column and one list column, found {dict(schema)}"
            )
        vector = pl.col(vectors[0]).cast(pl.List(pl.Float32))
        frame = pl.read_parquet(path, columns=[ids[0], vectors[0]]).select(ids[0], vector)
    except pl.exceptions.PolarsError as error:
        raise InputError(
            f"{path}: expected a parquet of document vectors: {str(error).splitlines()[0]}"
        ) from error
    if frame[ids[0]].dtype.is_integer():
        frame = frame.with_columns(pl.col(ids[0]).cast(pl.Int64))
    if frame.is_empty():
        raise InputError(f"{path}: holds no document vector")
    for name in frame.columns:
        if frame[name].null_count():
            row = frame[name].is_null().arg_max()
            raise InputError(f"{path}: column {name}, row {row}: found null")
    return frame.unique(ids[0], keep="first", maintain_order=True)
