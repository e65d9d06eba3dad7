"""From uploaded tables to scores, ranks and metrics, as JSON or parquet.

Tables are decoded in one temporary folder, which is gone with the answer.
"""

import json
import shutil
import time
from collections.abc import Callable, Mapping
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, BinaryIO

import numpy as np
import polars as pl

from nrms_torch.data.schema import IMPRESSION_ID, INVIEW, Split
from nrms_torch.serving import Recommender
from nrms_torch.serving.decoding import BEHAVIORS, TooLargeError, decode
from nrms_torch.serving.metrics import ranking_metrics

# A reader more takes a millisecond; a hundred thousand would keep all other uploads waiting.
_SCORING_S = 30.0


def predict(
    recommender: Recommender,
    files: Mapping[str, BinaryIO],
    *,
    as_parquet: bool,
    between: Callable[[], None],
) -> bytes:
    """Score and rank all impressions of uploaded `files`, by the names that `decode` reads.

    Gives JSON, or a parquet of one row an impression with all else in its metadata. `between` is
    called again and again, and what it raises ends the work. Raises InputError as `decode` does,
    TooLargeError too, and where scoring takes more than 30 s, and as
    `Recommender.score_impressions` does.
    """
    between()
    with TemporaryDirectory(prefix="nrms-") as name:
        folder = Path(name)
        for field, file in files.items():
            with (folder / f"{field}.parquet").open("wb") as copy:
                shutil.copyfileobj(file, copy)
        split = decode(folder, integer_ids=recommender.integer_ids, between=between)
        rows, metrics = _scored(recommender, split, between)
    head = {"model_version": recommender.bundle.version, "metrics": metrics}
    if as_parquet:
        buffer = BytesIO()
        rows.write_parquet(buffer, metadata={key: json.dumps(value) for key, value in head.items()})
        return buffer.getvalue()
    return f'{json.dumps(head)[:-1]}, "impressions": {rows.write_json()}}}'.encode()


def _scored(
    recommender: Recommender, split: Split, between: Callable[[], None]
) -> tuple[pl.DataFrame, dict[str, Any] | None]:
    """Give impression_id, article_ids, scores and ranks, and the metrics where there are labels."""
    deadline = time.monotonic() + _SCORING_S

    def in_time() -> None:
        between()
        if time.monotonic() > deadline:
            raise TooLargeError(
                f"{BEHAVIORS}: takes more than {_SCORING_S:.0f} s to score; send it in parts"
            )

    scored = recommender.score_impressions(split, between=in_time)
    impressions = scored.impressions
    sizes = np.diff(impressions.offsets)
    lists = (
        pl.DataFrame(
            {
                "impression": np.repeat(np.arange(len(sizes)), sizes),
                "scores": scored.scores,
                "ranks": scored.ranks,
            }
        )
        .group_by("impression", maintain_order=True)
        .agg("scores", "ranks")
    )
    shown = split.impressions.select(IMPRESSION_ID, pl.col(INVIEW).alias("article_ids")).collect()
    metrics = None
    if impressions.labels is not None:
        metrics = ranking_metrics(scored.scores, impressions)
    return shown.with_columns(lists["scores"], lists["ranks"]), metrics
