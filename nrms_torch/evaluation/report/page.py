"""From what was measured to the page."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined

from nrms_torch.data.datamodule import NewsDataModule
from nrms_torch.evaluation.breakdown import breakdowns
from nrms_torch.evaluation.calibration import Calibration, fit_calibration, reliability
from nrms_torch.evaluation.diagnosis import AUC, LOSS, Finding
from nrms_torch.evaluation.metrics import means, per_impression
from nrms_torch.evaluation.probability import per_impression as probability_metrics
from nrms_torch.evaluation.recommended import measure_lists
from nrms_torch.evaluation.report.charts import (
    Line,
    interval_bar,
    line_chart,
    reliability_chart,
)
from nrms_torch.evaluation.report.examples import examples
from nrms_torch.evaluation.shown_articles import shown_articles
from nrms_torch.evaluation.standing import Standing
from nrms_torch.evaluation.standing_table import shown_name
from nrms_torch.files import replacing
from nrms_torch.late.stage import LateStage
from nrms_torch.late.table import learnt

_LIST = 5  # articles of a list that is measured beyond its clicks


def write_report(
    file: Path,
    *,
    title: str,
    split: str,
    datamodule: NewsDataModule,
    scores: np.ndarray,
    news: np.ndarray,
    metrics: Mapping[str, Any],
    standing: Standing,
    findings: Sequence[Finding],
    curves: Mapping[str, Sequence[tuple[int, float]]],
    calibration: Calibration | None,
    late: LateStage | None = None,
) -> None:
    """Write one page on a labelled split: scores (N,) and article vectors `news` (R, D) of it.

    Without a `calibration` the split's own is drawn; of a `late` stage what it has learnt is told.
    Nothing in the page asks another host.
    """
    impressions = datamodule.impressions(split)
    assert impressions.labels is not None
    aucs = per_impression(scores, impressions.labels, impressions.offsets)["auc"]
    articles = shown_articles(datamodule)
    tables = breakdowns(aucs, datamodule, split, articles)
    best, worst = examples(scores, aucs, datamodule, split, articles)
    probabilities = (calibration or fit_calibration(scores, impressions.labels)).probabilities(
        scores
    )
    bins = reliability(probabilities, impressions.labels)
    lists = metrics.get("beyond_accuracy") or measure_lists(scores, news, datamodule, split, _LIST)
    ends = _ends(standing)
    environment = Environment(
        loader=PackageLoader("nrms_torch.evaluation.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["shown_name"] = shown_name
    page = environment.get_template("page.html.jinja").render(
        title=title,
        split=split,
        metrics=metrics,
        standing=standing,
        findings=findings,
        bar=lambda interval: interval_bar(interval, ends),
        curves=[
            (name, line_chart(Line(name, curves[metric], "own"), "epoch"))
            for metric, name in ((LOSS, "training loss"), (AUC, "validation AUC"))
            if len(curves.get(metric, ())) > 1
        ],
        breakdowns=tables,
        reliability=bins,
        reliability_chart=reliability_chart([(row.foretold, row.clicked) for row in bins]),
        fit=means(probability_metrics(probabilities, impressions.labels, impressions.offsets)),
        is_own_fit=calibration is None,
        lists=lists,
        late=None if late is None else learnt(late),
        best=best,
        worst=worst,
        unknown_candidates=float((impressions.candidates == 0).mean()),
    )
    with replacing(file) as temporary:
        temporary.write_text(page, encoding="utf-8")


def _ends(standing: Standing) -> tuple[float, float]:
    """Give the ends of a scale that holds all AUCs and chance."""
    intervals = [standing.model["auc"], *(simple.auc for simple in standing.simple.values())]
    intervals += [segment.auc for segment in standing.by_history_length.values()]
    low = min(0.48, *(interval.low for interval in intervals))
    high = max(0.52, *(interval.high for interval in intervals))
    return low, high
