"""Stand-in articles for a folder of EB-NeRD impressions whose articles are not at hand.

They carry no meaning: no click follows from them. They are for measuring speed, memory and parity
on real impressions, where only shapes and repetitions count, and never for quality.
"""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl

from nrms_torch.data import ebnerd
from nrms_torch.data.demo.schema import VECTOR_SCHEMA
from nrms_torch.data.demo.streaming import sink_tables
from nrms_torch.data.demo.world import random_stream
from nrms_torch.data.schema import ARTICLE_ID, HISTORY, INVIEW, TITLE
from nrms_torch.errors import InputError
from nrms_torch.fields import require_integer

WORDS = 20_000  # of which a title's words are drawn, the k-th in frequency 1 / k as often
SHORTEST, LONGEST = 30, 50  # words of a title: EB-NeRD's title, subtitle and body fill 30 tokens
ROWS = 10_000  # articles made at a time
_FILES = ("behaviors.parquet", "history.parquet")
_ARTICLE_SCHEMA = {ARTICLE_ID: pl.Int32(), TITLE: pl.String()}


def write_stand_in(source: Path, output: Path, *, seed: int, width: int) -> int:
    """Make a data folder of the impressions of `source` and made-up articles; give their number.

    `output` gets links to the splits' files and, for each article id that occurs in them, a seeded
    title in articles.parquet and a seeded vector of length 1 and `width` numbers in
    document_vectors.parquet. It appears only when it is complete.

    Raises InputError where the impressions cannot be read, where `output` holds anything already,
    and for a seed or width that is none.
    """
    require_integer("seed", seed, 0)
    require_integer("width", width, 1)
    output = output.absolute()
    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise InputError(f"output: {output} is not empty; remove it or name another folder")
    splits = ebnerd.available_splits(source)
    if not splits:
        raise InputError(f"{source}: has no split; expected a folder train, validation or test")
    ids = _article_ids(source, splits)
    temporary = output.with_name(f".{output.name}.{os.getpid()}.tmp")
    try:
        temporary.mkdir(parents=True)
        for split in splits:
            (temporary / split).mkdir()
            for name in _FILES:
                (temporary / split / name).symlink_to((source / split / name).resolve())
        sink_tables(_titles(ids, seed), _ARTICLE_SCHEMA, temporary / "articles.parquet", ROWS)
        vectors = _vectors(ids, seed, width)
        sink_tables(vectors, VECTOR_SCHEMA, temporary / "document_vectors.parquet", ROWS)
        temporary.replace(output)
    except OSError as error:
        raise InputError(f"{output}: cannot be written: {error.strerror or error}") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return len(ids)


def _article_ids(source: Path, splits: list[str]) -> pl.Series:
    """Give each article id in view or in a history, ascending; 0 and null are no article's."""
    columns = []
    for split in splits:
        tables = ebnerd.read_split(source, split)
        columns += [tables.impressions.select(INVIEW), tables.histories.select(HISTORY)]
    ids = [
        table.select(pl.first().explode().unique().alias(ARTICLE_ID)).collect(engine="streaming")
        for table in columns
    ]
    known = pl.concat(ids)[ARTICLE_ID].unique().drop_nulls().sort()
    return known.filter(known != 0).cast(pl.Int32)


def _titles(ids: pl.Series, seed: int) -> Iterator[pl.DataFrame]:
    """Make articles.parquet in parts of ROWS articles."""
    words = pl.Series(_invent(seed, WORDS))
    zipf = np.cumsum(1 / np.arange(1, WORDS + 1))
    for start in range(0, len(ids), ROWS):
        part = ids[start : start + ROWS]
        rng = random_stream(seed, "stand-in titles", start)
        lengths = rng.integers(SHORTEST, LONGEST, size=len(part), endpoint=True)
        drawn = zipf.searchsorted(zipf[-1] * rng.random(lengths.sum()), side="right")
        text = pl.DataFrame({"row": np.repeat(part, lengths), "word": words.gather(drawn)})
        titles = text.group_by("row", maintain_order=True).agg(pl.col("word").str.join(" "))
        yield pl.DataFrame({ARTICLE_ID: part, TITLE: titles["word"]})


def _vectors(ids: pl.Series, seed: int, width: int) -> Iterator[pl.DataFrame]:
    """Make document_vectors.parquet in parts of ROWS articles."""
    for start in range(0, len(ids), ROWS):
        part = ids[start : start + ROWS]
        rng = random_stream(seed, "stand-in vectors", start)
        drawn = rng.standard_normal((len(part), width), dtype=np.float32)
        drawn /= np.linalg.norm(drawn, axis=1, keepdims=True)
        lists = pl.Series(drawn, dtype=pl.Array(pl.Float32, width)).arr.to_list()
        yield pl.DataFrame({ARTICLE_ID: part, "document_vector": lists})


def _invent(seed: int, number: int) -> list[str]:
    """Invent different pronounceable words."""
    rng = random_stream(seed, "words")
    syllables = np.array([c + v for c in "bdfghjklmnprstv" for v in "aeiouy"])
    words: dict[str, None] = {}
    while len(words) < number:
        words["".join(rng.choice(syllables, size=rng.integers(2, 5)))] = None
    return list(words)
