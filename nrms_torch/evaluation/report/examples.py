"""Impressions that a model ranked well and badly, as a person reads them."""

from typing import NamedTuple

import numpy as np

from nrms_torch.data.datamodule import NewsDataModule
from nrms_torch.evaluation.metrics import ranks
from nrms_torch.evaluation.shown_articles import ShownArticles

_EACH, _CLICKS, _SHOWN = 3, 6, 5
_LEAST_CANDIDATES = 5  # of fewer there is little to see


class Ranked(NamedTuple):
    """A candidate: its place, its title, its category, and whether it was clicked."""

    place: int
    title: str
    category: str
    is_clicked: bool


class Example(NamedTuple):
    """An impression: its AUC, the last clicks before it, and the candidates that are shown."""

    impression_id: int
    auc: float
    candidates: int
    clicks: list[str]
    ranked: list[Ranked]


def examples(
    scores: np.ndarray,
    aucs: np.ndarray,
    datamodule: NewsDataModule,
    split: str,
    articles: ShownArticles | None,
) -> tuple[list[Example], list[Example]]:
    """Give the impressions of the highest and of the lowest AUC (I,), the longest lists first.

    Of each the first candidates of the ranking are shown, and those that were clicked.
    """
    impressions = datamodule.impressions(split)
    sizes = np.diff(impressions.offsets)
    fit = np.flatnonzero(~np.isnan(aucs) & (sizes >= _LEAST_CANDIDATES))
    by_auc = fit[np.lexsort((sizes[fit], aucs[fit]))]
    worst = fit[np.lexsort((-sizes[fit], aucs[fit]))][:_EACH]
    ids = datamodule.table.ids

    def title(row: int) -> str:
        if row == 0:
            return "an unknown article"
        return (articles.titles[row] if articles else "") or f"article {ids[row - 1]}"

    def example(position: int) -> Example:
        own = slice(impressions.offsets[position], impressions.offsets[position + 1])
        rows, labels = impressions.candidates[own].tolist(), impressions.labels
        assert labels is not None
        clicked = labels[own]
        rank = ranks(scores[own], np.array([0, len(rows)]))
        shown = [place for place in np.argsort(rank) if rank[place] <= _SHOWN or clicked[place]]
        history = impressions.histories[impressions.history_index[position]]
        return Example(
            int(impressions.impression_ids[position]),
            float(aucs[position]),
            len(rows),
            [title(row) for row in history[history != 0][-_CLICKS:].tolist()],
            [
                Ranked(
                    int(rank[place]),
                    title(rows[place]),
                    articles.categories[rows[place]] if articles else "",
                    bool(clicked[place]),
                )
                for place in shown
            ],
        )

    best = by_auc[::-1][:_EACH]
    return [example(row) for row in best.tolist()], [example(row) for row in worst.tolist()]
