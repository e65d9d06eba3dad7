"""What late features rank by themselves, without text: a row for each choice of them."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from nrms_torch.data.config import DataConfig
from nrms_torch.data.datamodule import NewsDataModule
from nrms_torch.evaluation.intervals import bootstrap
from nrms_torch.evaluation.metrics import per_impression
from nrms_torch.late.stage import LateSettings
from nrms_torch.training.late import LateScores, fit_late


def measured_rows(
    data: DataConfig, split: str, rows: Sequence[dict[str, Any]]
) -> Iterator[dict[str, Any]]:
    """Fit each row's settings on train, measure them on `split`, and give them with the numbers."""
    datamodule = NewsDataModule(data, history_size=50, title_size=None, seed=1, has_text=False)
    impressions = datamodule.require_labels(split)
    labels = impressions.labels
    assert labels is not None
    for row in rows:
        stage = fit_late(LateSettings.of(row), datamodule)
        scores = LateScores(stage, datamodule, split).all(None)
        values = per_impression(scores, np.asarray(labels), impressions.offsets)
        counted = ~np.isnan(values["auc"])
        auc, ndcg = bootstrap(
            np.stack([values["auc"][counted], values["ndcg@10"][counted]], axis=1)
        )
        yield row | {"auc": auc.mean, "interval": [auc.low, auc.high], "ndcg@10": ndcg.mean}


def as_markdown(rows: Sequence[dict[str, Any]]) -> str:
    """Write measured rows as a table, numbers to four places."""
    lines = ["| rule | lag | kind | features | AUC | nDCG@10 |", "|---|---|---|---|---|---|"]
    for row in rows:
        half = (row["interval"][1] - row["interval"][0]) / 2
        names = (
            ", ".join(row["features"])
            if len(row["features"]) < 12
            else (f"{len(row['features'])} of `late={row['kind']}`")
        )
        lines.append(
            f"| {row['rule']} | {row['lag']} s | {row['kind']} | {names} | "
            f"{row['auc']:.4f} ± {half:.4f} | {row['ndcg@10']:.4f} |"
        )
    return "\n".join(lines) + "\n"
