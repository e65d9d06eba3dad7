"""Generated data with a known answer: a folder shaped like EB-NeRD's, of any size."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from nrms_torch.data.demo.clicks import (
    CHUNK,
    EPOCH,
    HISTORY_DAYS,
    READERS_CHUNK,
    SplitPlan,
    World,
    history_tables,
    impression_tables,
)
from nrms_torch.data.demo.exposure import make_exposure
from nrms_torch.data.demo.schema import (
    ARTICLE_SCHEMA,
    BEHAVIORS_SCHEMA,
    HISTORY_SCHEMA,
    VECTOR_SCHEMA,
)
from nrms_torch.data.demo.streaming import sink_tables
from nrms_torch.data.demo.text import ROWS, article_tables
from nrms_torch.data.demo.truth import Truth
from nrms_torch.data.demo.world import make_articles, make_readers, random_stream
from nrms_torch.errors import InputError

VERSION = 2  # of the generator: raised whenever the same parameters give other files
TRUTH = "truth.json"
HELD_OUT_SHARE = 5  # validation and test have one impression for this many of train
READER_SHARE = 15  # impressions a reader has in a split, as in EB-NeRD's demo set
SHARED_READERS = 0.77  # share of a split's readers that the split before has too


def generate(folder: Path, impressions: int = 10_000, seed: int = 7) -> dict[str, Any]:
    """Write a generated data set of any size and return what its truth.json says.

    The folder gets articles.parquet, document_vectors.parquet, train/, validation/ and test/ (each
    with behaviors.parquet and history.parquet, all labelled) and truth.json: `parameters`, counts,
    and in `splits` for each split the mean AUC over its impressions of chance, of popularity and
    of the true taste, which is the ceiling. `impressions` are those of train; they go to disk in
    parts. The same arguments give the same bytes; a folder that holds them already is left alone,
    and it appears only when it is complete.

    Raises:
        InputError: if an argument is out of range or the folder holds anything else.
    """
    for name, value, lowest in (("impressions", impressions, 100), ("seed", seed, 0)):
        if isinstance(value, bool) or not isinstance(value, int) or value < lowest:
            raise InputError(f"{name}={value}: expected a whole number of at least {lowest}")
    folder = folder.resolve()
    parameters = {"version": VERSION, "impressions": impressions, "seed": seed}
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        return _read_truth(folder, parameters)
    temporary = folder.with_name(f".{folder.name}.{os.getpid()}.tmp")
    try:
        temporary.mkdir(parents=True)
        truth = {"parameters": parameters, **_write(temporary, impressions, seed)}
        (temporary / TRUTH).write_text(json.dumps(truth, indent=2) + "\n", encoding="utf-8")
        temporary.replace(folder)
    except OSError as error:
        # Another process may have completed the same folder first.
        if not (folder / TRUTH).exists():
            raise InputError(f"{folder}: cannot be written: {error.strerror or error}") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return _read_truth(folder, parameters)


def _read_truth(folder: Path, parameters: dict[str, int]) -> dict[str, Any]:
    try:
        truth = json.loads((folder / TRUTH).read_text(encoding="utf-8"))
        found = truth["parameters"]
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise InputError(
            f"{folder}: holds something else than generated data; expected a new or empty folder"
        ) from error
    if found != parameters:
        raise InputError(
            f"{folder}: holds data generated with {found}, not {parameters}; "
            "remove it or choose another path"
        )
    return dict(truth)


def _write(folder: Path, impressions: int, seed: int) -> dict[str, Any]:
    """Write every table of the data set; returns its counts and scores."""
    plans = _plans(impressions)
    articles = make_articles(seed, int(np.clip(40 * impressions**0.5, 1_000, 125_000)))
    readers = make_readers(seed, plans[-1].readers.stop)
    world = World(seed, articles, readers, make_exposure(seed, articles))
    tables = article_tables(seed, articles, EPOCH)
    sink_tables(tables, ARTICLE_SCHEMA, folder / "articles.parquet", ROWS)
    vectors = articles.vectors(random_stream(seed, "vectors"))
    pl.DataFrame(
        {"article_id": articles.ids, "document_vector": vectors}, schema_overrides=VECTOR_SCHEMA
    ).write_parquet(folder / "document_vectors.parquet")

    truth = Truth(len(articles))
    for plan in plans:
        split = folder / plan.name
        split.mkdir()
        behaviors = impression_tables(world, plan, truth)
        sink_tables(behaviors, BEHAVIORS_SCHEMA, split / "behaviors.parquet", CHUNK)
        histories = history_tables(world, plan)
        sink_tables(histories, HISTORY_SCHEMA, split / "history.parquet", READERS_CHUNK)
    return {"articles": len(articles), "readers": len(readers), "splits": truth.report()}


def _plans(impressions: int) -> list[SplitPlan]:
    """The three splits, a week each, on overlapping stretches of readers."""
    held_out = impressions // HELD_OUT_SHARE
    plans: list[SplitPlan] = []
    for name, count in (("train", impressions), ("validation", held_out), ("test", held_out)):
        readers = max(count // READER_SHARE, 20)
        first_id, first_reader, start_day = 1, 0, HISTORY_DAYS
        if plans:
            before = plans[-1]
            first_id = before.first_id + before.impressions
            first_reader = before.readers.stop - round(SHARED_READERS * readers)
            start_day = before.start_day + 7
        stretch = range(first_reader, first_reader + readers)
        plans.append(SplitPlan(name, count, first_id, stretch, start_day))
    return plans
