"""Sample readers for the server's page: the last clicks of a few readers of the data, no names."""

from pathlib import Path

import polars as pl

from nrms_torch.data.config import DataConfig
from nrms_torch.data.schema import HISTORY
from nrms_torch.errors import InputError
from nrms_torch.fields import require_integer
from nrms_torch.serving.bundle import READERS

MOST_READERS = 20
_SPLITS = ("validation", "test", "train")  # of those that a folder has the first is sampled
_LEAST_CLICKS = 3  # of fewer there is nothing to see


def require_reader_count(count: object) -> None:
    """Raise InputError for a number of readers that no bundle has."""
    require_integer("readers", count, 0)
    assert isinstance(count, int)
    if count > MOST_READERS:
        raise InputError(f"readers: expected {MOST_READERS} at most, found {count}")


def write_readers(config: DataConfig, folder: Path, *, count: int, history_size: int) -> None:
    """Write the last `history_size` clicks of `count` readers, oldest first, one row a reader.

    They are spread evenly over the histories of the validation split, or of another where there is
    none. Nothing is written where there is no such reader, or a count of 0. Raises InputError where
    the split cannot be read.
    """
    available = config.reader.available_splits(config.folder)
    split = next((split for split in _SPLITS if split in available), None)
    if not count or split is None:
        return
    clicks = pl.col(HISTORY).list.drop_nulls().list.tail(history_size)
    histories = (
        config.reader.read_split(config.folder, split)
        .histories.select(clicks)
        .filter(pl.col(HISTORY).list.len() >= _LEAST_CLICKS)
    )
    found = histories.select(pl.len()).collect().item()
    readers = histories.gather_every(max(1, found // count)).head(count).collect()
    if len(readers):
        readers.write_parquet(folder / READERS)
