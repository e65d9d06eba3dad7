"""Plausible ranges of a data set's features, and what is outside of them."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import polars as pl

from nrms_torch.data.config import DataConfig
from nrms_torch.data.quality.features import (
    NUMERIC,
    article_features,
    articles_of,
    impression_features,
)
from nrms_torch.errors import InputError

# Feature to least and greatest; None for any.
Ranges = Mapping[str, Sequence[float | None] | None]


class Summary(NamedTuple):
    """A feature of one table: its extremes and its mean, over the values that are there."""

    table: str
    feature: str
    least: float
    mean: float
    greatest: float
    missing: int


def check_ranges(config: DataConfig, ranges: Ranges, means: Ranges) -> list[Summary]:
    """Read all of a data folder, check it, and give a summary of each numeric feature.

    Raises InputError where a reader does, for a value outside of `ranges` and for a mean outside
    of `means`, naming the split or the articles, the feature and what was expected. Says in a line
    which of them are for features that the data does not have.
    """
    _check_limits(ranges=ranges, means=means)
    articles = articles_of(config)
    splits = config.reader.available_splits(config.folder) or ["train"]
    tables = {split: impression_features(config, split, articles) for split in splits}
    if articles is not None:
        tables["articles"] = article_features(articles)
    known = {name for table in tables.values() for name in table.columns}
    if lacking := sorted((ranges.keys() | means.keys()) - known):
        print(f"{config.folder}: has no {', '.join(lacking)}, so that is not checked")
    return [
        _checked(config, name, table[feature], ranges, means)
        for name, table in tables.items()
        for feature in table.columns
        if table[feature].dtype.is_numeric()
    ]


def _check_limits(**fields: Ranges) -> None:
    for field, limits in fields.items():
        for feature, bounds in limits.items():
            if feature not in NUMERIC:
                raise InputError(
                    f"{field}.{feature}: no such feature; expected one of {', '.join(NUMERIC)}"
                )
            if bounds is not None and not _are_bounds(bounds):
                raise InputError(f"{field}.{feature}: expected [least, greatest], found {bounds}")


def _are_bounds(value: Any) -> bool:
    is_pair = isinstance(value, list) and len(value) == 2
    return is_pair and all(isinstance(end, int | float | None) for end in value)


def _checked(
    config: DataConfig, table: str, values: pl.Series, ranges: Ranges, means: Ranges
) -> Summary:
    least, mean, greatest = (
        float(value) if isinstance(value, int | float) else float("nan")
        for value in (values.min(), values.mean(), values.max())
    )
    summary = Summary(table, values.name, least, mean, greatest, values.null_count())
    for limits, found, what in (
        (ranges, least, "the least"),
        (ranges, greatest, "the greatest"),
        (means, mean, "the mean"),
    ):
        low, high = limits.get(values.name) or (None, None)
        if (low is not None and found < low) or (high is not None and found > high):
            expected = " to ".join("any" if end is None else f"{end:g}" for end in (low, high))
            raise InputError(
                f"{config.folder}, {table}: {what} {values.name} is {found:g}; expected {expected}"
            )
    return summary
