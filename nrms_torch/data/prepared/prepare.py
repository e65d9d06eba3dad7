"""Prepared impressions: indexed once, kept as memory-mapped arrays, found again by fingerprint."""

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock

from nrms_torch.console import progress
from nrms_torch.data.articles import ArticleTable
from nrms_torch.data.config import DataConfig
from nrms_torch.data.prepared.fingerprint import Fingerprint, describe_ids
from nrms_torch.data.prepared.mapped import MappedImpressions, open_impressions
from nrms_torch.data.prepared.places import kept_hashes, places, require_writable_place
from nrms_torch.data.prepared.writing import write_impressions
from nrms_torch.errors import InputError
from nrms_torch.files import replacing_folder, unfinished

VERSION = 2  # of the folder: raised whenever the same data gives another one
_NAMES = f"*-{'[0-9a-f]' * 16}"


def prepare(
    config: DataConfig, split: str, table: ArticleTable, history_size: int
) -> MappedImpressions:
    """Give a split's impressions over an article table, prepared on first use.

    The arrays are in `.prepared` of the data folder or, where that cannot be written, in the user's
    cache; in `data.cache` where it is given. Of processes that start together one prepares, and
    says so in a line, and the others wait. Arrays of other files or options, or damaged ones, are
    never used. Raises InputError where the split is missing or broken, has no candidate among the
    table's articles or more unknown ones than `config` allows, or no folder can be written.
    """
    options = {
        "version": VERSION,
        "format": config.format,
        "history_size": history_size,
        "articles": describe_ids(table.ids),
    }
    files = config.reader.split_files(config.folder, split)
    fingerprint = Fingerprint(files, options, kept_hashes(config))
    name = f"{split}-{fingerprint.hash[:16]}"
    found = _prepared(config, split, table, history_size, name, fingerprint)
    _require_known(found, config, split, len(table.ids))
    return found


def _prepared(
    config: DataConfig,
    split: str,
    table: ArticleTable,
    history_size: int,
    name: str,
    fingerprint: Fingerprint,
) -> MappedImpressions:
    for place in places(config):
        if found := _find(place / name, fingerprint):
            return found
    place = require_writable_place(config)
    with _telling_what_cannot_be_written(place):
        place.mkdir(parents=True, exist_ok=True)
        with FileLock(place / "lock"):
            if found := _find(place / name, fingerprint):
                return found  # made by the process that this one waited for
            for remains in unfinished(place, _NAMES):  # a user's folder has others
                shutil.rmtree(remains, ignore_errors=True)
            if (place / name).exists():
                print(f"{place / name}: damaged, or not of this data; prepared again")
            return _make(place / name, config, split, table, history_size, fingerprint)


def _require_known(found: MappedImpressions, config: DataConfig, split: str, known: int) -> None:
    """Raise InputError where more of a split's articles are unknown than is told to be right."""
    unknown = found.unknown_articles
    used = unknown + found.counts["known_articles"]
    if unknown > config.unknown_share * used:
        raise InputError(
            f"{config.folder}: of the {used:,} articles in {split}, {unknown:,} are not among the "
            f"{known:,} that have a text or a vector ({unknown / used:.0%}); expected at most "
            f"{config.unknown_share:.0%}: a file may be missing; data.unknown_share=1 allows it"
        )


def _find(folder: Path, fingerprint: Fingerprint) -> MappedImpressions | None:
    try:
        found = open_impressions(folder, fingerprint.hashes)
    except ValueError:
        return None
    return found if found.fingerprint == fingerprint.hash else None


def _make(
    folder: Path,
    config: DataConfig,
    split: str,
    table: ArticleTable,
    history_size: int,
    fingerprint: Fingerprint,
) -> MappedImpressions:
    start = time.perf_counter()
    with replacing_folder(folder) as temporary:
        tables = config.reader.read_split(config.folder, split)
        origin = {"fingerprint": fingerprint.hash, "made_of": fingerprint.origin}
        with progress(f"preparing {split}") as advance:
            counts = write_impressions(
                temporary, tables, table, history_size, origin, advance=advance
            )
        if not counts["known_candidates"]:
            raise InputError(
                f"{config.folder}: no candidate of {split} is among the "
                f"{len(table.ids)} articles; expected articles of the same data set"
            )
        fingerprint.require_same()
    seconds = time.perf_counter() - start
    print(
        f"prepared {split}: {counts['impressions']:,} impressions, {counts['candidates']:,} "
        f"candidates in {seconds:.1f} s ({counts['impressions'] / seconds:,.0f} impressions/s), "
        f"kept in {folder}"
    )
    return open_impressions(folder)


@contextmanager
def _telling_what_cannot_be_written(place: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise InputError(
            f"{place}: cannot be written: {error.strerror or error}; "
            "data.cache names another folder"
        ) from error
