"""From uploaded tables to scores, ranks and metrics, as JSON or parquet.

Tables are decoded in one temporary folder, which is gone with the answer.
"""

import json
import shutil
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, BinaryIO

import numpy as np
import polars as pl

from nrms_torch.data.schema import IMPRESSION_ID, INVIEW, Split
from nrms_torch.serving import Recommender
from nrms_torch.serving.decoding import decode
from nrms_torch.serving.metrics import ranking_metrics


def predict(recommender: Recommender, files: Mapping[str, BinaryIO], *, as_parquet: bool) -> bytes:
    """Score and rank all impressions of uploaded `files`, by the names that `decode` reads.

    Gives JSON, or a parquet of one row an impression with all else in its metadata. Raises
    InputError as `decode` does, TooLargeError too, and as `Recommender.score_impressions` does.
    """
    with TemporaryDirectory(prefix="nrms-") as name:
        folder = Path(name)
        for field, file in files.items():
            with (folder / f"{field}.parquet").open("wb") as copy:
                shutil.copyfileobj(file, copy)
        split = decode(folder, integer_ids=recommender.integer_ids)
        rows, metrics = _scored(recommender, split)
    head = {"model_version": recommender.bundle.version, "metrics": metrics}
    if as_parquet:
        buffer = BytesIO()
        rows.write_parquet(buffer, metadata={key: json.dumps(value) for key, value in head.items()})
        return buffer.getvalue()
    return f'{json.dumps(head)[:-1]}, "impressions": {rows.write_json()}}}'.encode()


def _scored(recommender: Recommender, split: Split) -> tuple[pl.DataFrame, dict[str, Any] | None]:
    """Give impression_id, article_ids, scores and ranks, and the metrics where there are labels."""
    scored = recommender.score_impressions(split)
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
