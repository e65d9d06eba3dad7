"""`nrms prepare`: prepare a data folder ahead."""

import time

from omegaconf import DictConfig
from rich.table import Table

from nrms_torch.console import plain_console
from nrms_torch.data.prepared.prepare import prepare
from nrms_torch.training.assemble import for_preparing

COUNTS = ("impressions", "candidates", "histories", "unknown_articles", "skipped")


def main(config: DictConfig) -> None:
    """Index every split that there is, and print what it holds."""
    data, articles, history_size = for_preparing(config)
    table = Table(title=f"{data.folder}, {len(articles.ids):,} articles")
    for column in ("split", *COUNTS, "seconds", "MiB"):
        table.add_column(column.replace("_", " "), justify="left" if column == "split" else "right")
    # Where there is no split at all, it is train that is missed.
    for split in data.reader.available_splits(data.folder) or ["train"]:
        start = time.perf_counter()
        prepared = prepare(data, split, articles, history_size)
        seconds = time.perf_counter() - start
        counts = (f"{prepared.counts[name]:,}" for name in COUNTS)
        table.add_row(split, *counts, f"{seconds:.1f}", f"{prepared.mebibytes:,.0f}")
    plain_console(least_width=100).print(table)
