"""What is measured of a run's data and model before a diagnosis: shares, AUCs and cosines."""

from dataclasses import dataclass

import numpy as np
import polars as pl
import torch

from nrms_torch.data.datamodule import NewsDataModule
from nrms_torch.data.impressions import Impressions
from nrms_torch.data.schema import HISTORY
from nrms_torch.evaluation.article_vectors import DenseVectors, article_vectors
from nrms_torch.evaluation.metrics import impression_of, means, per_impression
from nrms_torch.model.nrms import NRMS

FEW_CLICKS = 2
_SAMPLE, _SEED = 20_000, 0  # impressions looked at one by one
_PAIRS, _READERS, _CANDIDATES = 2_000, 200, 200


@dataclass(frozen=True)
class DataSymptoms:
    """Of a labelled split: shares are of 1, cosines of random pairs of different articles.

    `skipped` impressions have no click or no negative; of `unknown_candidates` and
    `unknown_clicks` the article table has none; `without_history` impressions are of readers who
    have no row among the histories; `short_histories` are of at most FEW_CLICKS known clicks.
    `order_auc` is the AUC of the order in which candidates are listed. `clicked_before` and
    `passed_before` are the shares of clicked candidates and of the others that the reader's own
    history holds. `article_cosine` is of the vectors as given, None for titles without any.
    """

    impressions: int
    skipped: float
    unknown_candidates: float
    unknown_clicks: float
    without_history: float
    short_histories: float
    order_auc: float
    clicked_before: float
    passed_before: float
    article_cosine: float | None


@dataclass(frozen=True)
class ModelSymptoms:
    """Of a model: the mean cosine of its document vectors, its regularisation loss, and padding.

    `like_no_click` is how the scores of readers of FEW_CLICKS clicks correlate with those of a
    reader of none, over the same candidates: 1 where the clicks change nothing.
    """

    document_cosine: float
    regularization: float
    like_no_click: float


def data_symptoms(datamodule: NewsDataModule, split: str) -> DataSymptoms:
    """Look at a labelled split; what takes an impression at a time is of a sample."""
    impressions = datamodule.impressions(split)
    clicks = np.count_nonzero(impressions.histories, axis=1)
    sample = _sample(impressions)
    flat, offsets = impressions.candidate_positions(sample)
    assert impressions.labels is not None
    labels = impressions.labels[flat]
    order = -np.arange(len(flat), dtype=np.float64)
    before = _in_own_history(impressions, sample, flat, offsets)
    vectors = article_vectors(datamodule.table, datamodule.vocabulary)
    return DataSymptoms(
        impressions=len(impressions),
        skipped=impressions.skipped / len(impressions),
        unknown_candidates=float((impressions.candidates == 0).mean()),
        unknown_clicks=_unknown_clicks(datamodule, split, int(clicks.sum())),
        without_history=float((impressions.history_index == 0).mean()),
        short_histories=float((clicks[impressions.history_index] <= FEW_CLICKS).mean()),
        order_auc=means(per_impression(order, labels, offsets))["auc"],
        clicked_before=float(before[labels].mean()) if labels.any() else 0.0,
        passed_before=float(before[~labels].mean()) if not labels.all() else 0.0,
        article_cosine=_cosine(vectors.units[1:]) if isinstance(vectors, DenseVectors) else None,
    )


@torch.no_grad()
def model_symptoms(model: NRMS, news_vectors: np.ndarray, history_size: int) -> ModelSymptoms:
    """Look at a model in evaluation mode on the CPU, and at its article vectors (R, D)."""
    news = torch.from_numpy(news_vectors)
    generator = np.random.default_rng(_SEED)
    drawn = generator.integers(1, len(news), (_READERS + 1, FEW_CLICKS))
    histories = torch.zeros(_READERS + 1, history_size, dtype=torch.int64)
    histories[:, -FEW_CLICKS:] = torch.from_numpy(drawn)
    histories[-1] = 0
    users = model.encode_users(news, histories, histories)
    candidates = torch.from_numpy(generator.integers(1, len(news), _CANDIDATES))
    scores = (users @ news[candidates].T).double().numpy()
    scores -= scores.mean(axis=1, keepdims=True)
    norms = np.linalg.norm(scores, axis=1)
    products = norms[:-1] * norms[-1]
    alike = np.divide(
        scores[:-1] @ scores[-1], products, out=np.zeros(_READERS), where=products > 1e-12
    )
    return ModelSymptoms(
        document_cosine=_cosine(news_vectors[1:]),
        regularization=model.regularization_loss().item(),
        like_no_click=float(alike.mean()),
    )


def _sample(impressions: Impressions) -> np.ndarray:
    """Draw some impressions in order: (≤ _SAMPLE,) int64."""
    if len(impressions) <= _SAMPLE:
        return np.arange(len(impressions))
    generator = np.random.default_rng(_SEED)
    return np.sort(generator.choice(len(impressions), _SAMPLE, replace=False))


def _in_own_history(
    impressions: Impressions, sample: np.ndarray, flat: np.ndarray, offsets: np.ndarray
) -> np.ndarray:
    """Mark the candidates of a sample that their reader's history holds, (n,)."""
    histories = impressions.histories[impressions.history_index[sample]]
    owner, candidates = impression_of(offsets), impressions.candidates[flat]
    held = np.zeros(len(flat), dtype=bool)
    for clicks in histories.T:
        held |= clicks[owner] == candidates
    return held & (candidates != 0)


def _unknown_clicks(datamodule: NewsDataModule, split: str, known: int) -> float:
    """Give the share of the last H clicks of all histories that the article table lacks."""
    config = datamodule.config
    last = pl.col(HISTORY).list.tail(datamodule.history_size)
    histories = config.reader.read_split(config.folder, split).histories
    clicks = histories.select(last.list.len().cast(pl.Int64).sum()).collect().item()
    return 1 - known / clicks if clicks else 0.0


def _cosine(vectors: np.ndarray) -> float:
    """Average the cosines of random pairs of different rows."""
    if len(vectors) < 2:
        return float("nan")
    generator = np.random.default_rng(_SEED)
    one = generator.integers(0, len(vectors), _PAIRS)
    other = (one + generator.integers(1, len(vectors), _PAIRS)) % len(vectors)
    dots = np.einsum("nw,nw->n", vectors[one], vectors[other])
    norms = np.linalg.norm(vectors[one], axis=1) * np.linalg.norm(vectors[other], axis=1)
    return float(np.divide(dots, norms, out=np.zeros(_PAIRS), where=norms > 0).mean())
