"""`nrms validate`: check a data folder before it is used."""

from typing import Any

from omegaconf import DictConfig, OmegaConf
from rich.table import Table

from nrms_torch.console import plain_console
from nrms_torch.data.quality.ranges import check_ranges
from nrms_torch.data.source import local_data
from nrms_torch.data.tables import document_vectors
from nrms_torch.errors import InputError


def main(config: DictConfig) -> None:
    """Read every row of every file, hold it to schema and ranges, and print what there is."""
    data = local_data(config.data, generate=None)  # what is not there is not to be made up
    summaries = check_ranges(data, _limits(config, "ranges"), _limits(config, "means"))
    if data.vectors is not None:
        vectors = document_vectors(data).features
        print(f"{data.vectors}: {len(vectors) - 1:,} vectors of width {vectors.shape[1]}")
    table = Table(title=f"{data.folder}: schema and ranges are as expected")
    for column in ("table", "feature", "least", "mean", "greatest", "missing"):
        is_text = column in ("table", "feature")
        table.add_column(column, justify="left" if is_text else "right")
    for name, feature, *numbers, missing in summaries:
        shown = (f"{number:,.4g}" for number in numbers)
        table.add_row(name, feature, *shown, f"{missing:,}")
    plain_console(least_width=100).print(table)


def _limits(config: DictConfig, field: str) -> Any:
    limits = config[field]
    if limits is None:  # nothing is checked
        return {}
    if not isinstance(limits, DictConfig):
        raise InputError(f"{field}: expected feature: [least, greatest], found {limits!r}")
    return OmegaConf.to_object(limits)
