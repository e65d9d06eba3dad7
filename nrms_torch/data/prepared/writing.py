"""From a split's tables to a folder of arrays, which `mapped` opens."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from nrms_torch.data.articles import ArticleTable
from nrms_torch.data.impressions import Impressions
from nrms_torch.data.indexing import ROWS_PER_BATCH, index_in_batches
from nrms_torch.data.prepared.arrays import ArrayWriter, Description, open_arrays
from nrms_torch.data.prepared.mapped import write_meta
from nrms_torch.data.schema import Split


def write_impressions(
    folder: Path,
    split: Split,
    table: ArticleTable,
    history_size: int,
    origin: Mapping[str, Any],
    rows: int = ROWS_PER_BATCH,
    advance: Callable[[int], object] = lambda _: None,
) -> dict[str, int]:
    """Write the arrays of a split, what is derived from them, and META; give META's counts.

    META holds `origin` too. No more than `rows` rows are in memory at a time; `advance` is told of
    the impressions that each part has.
    """
    counts = {"known_candidates": 0}
    used = np.zeros(len(table.ids) + 1, dtype=bool)
    with ArrayWriter(folder) as writer:

        def append(name: str, part: np.ndarray) -> None:
            writer.append(name, part)
            if name == "impression_ids":
                advance(len(part))
            if name == "candidates":
                counts["known_candidates"] += int(np.count_nonzero(part))
            if name in ("candidates", "histories"):
                used[part.ravel()] = True

        counts["unknown_articles"] = index_in_batches(split, table, history_size, append, rows)
        described = writer.finish()
    arrays: dict[str, Any] = {"labels": None, **open_arrays(folder, described)}
    impressions = Impressions(**arrays, unknown_articles=counts["unknown_articles"])
    counts |= {
        "known_articles": int(used[1:].sum()),
        "impressions": len(impressions),
        "candidates": len(impressions.candidates),
        "histories": len(impressions.histories),
        "skipped": impressions.skipped,
    }
    described |= _write_derived(folder, impressions)
    write_meta(folder, {**origin, "counts": counts, "arrays": described})
    return counts


def _write_derived(folder: Path, impressions: Impressions) -> Description:
    """Write what training and evaluation would have to work out of all impressions."""
    with ArrayWriter(folder) as writer:
        if impressions.labels is not None:
            for owners, clicks in impressions.usable_click_parts():
                writer.append("click_owners", owners)
                writer.append("clicks", clicks)
        ends = impressions.history_ends()
        writer.append("history_ends", ends)
        for order in impressions.history_order_parts(ends):
            writer.append("history_order", order)
        return writer.finish()
