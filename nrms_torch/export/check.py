"""A bundle is held against torch, on histories and candidates drawn from its own articles."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
import torch

from nrms_torch.data.articles import ArticleTable
from nrms_torch.data.impressions import Impressions
from nrms_torch.data.indexing import index_impressions
from nrms_torch.data.schema import ARTICLE_ID, HISTORY, HISTORY_KEY, IMPRESSION_ID, INVIEW, Split
from nrms_torch.errors import InputError
from nrms_torch.evaluation.ranking import ranks
from nrms_torch.evaluation.scoring import encode_articles, score_impressions
from nrms_torch.files import file_sha256
from nrms_torch.model.nrms import NRMS
from nrms_torch.serving import Bundle, Recommender
from nrms_torch.training.assemble import load_module

# Of a score of 1 or less; of a larger one it is the share: float32 holds seven digits.
TOLERANCE = 1e-5
_IMPRESSIONS, _CANDIDATES = 64, 100


@dataclass(frozen=True)
class Agreement:
    """How far a bundle is from torch on N candidates.

    `difference` is the largest of a score; `moved` counts the candidates of another rank, all of
    them between scores closer than `tolerance`.
    """

    candidates: int
    difference: float
    tolerance: float
    moved: int


def verify(folder: Path, checkpoint: Path) -> Agreement:
    """Score drawn impressions by the bundle in `folder` and by torch from `checkpoint`.

    No data is needed: the articles, as the model reads them, are in the bundle. Raises InputError
    where the bundle is damaged, is of another checkpoint or quantised, or the scores differ.
    """
    bundle = Bundle.load(folder)
    if not checkpoint.is_file():
        raise InputError(f"checkpoint: {checkpoint}: no such file")
    if bundle.manifest["precision"] != "float32":
        raise InputError(f"{folder}: is {bundle.manifest['precision']}; only float32 equals torch")
    if (found := file_sha256(checkpoint)) != bundle.manifest["checkpoint"]["sha256"]:
        raise InputError(f"{checkpoint}: sha256 {found[:12]}…, not the one that {folder} is of")
    model = load_module(checkpoint).model.eval()
    if len(bundle.features.shape) == 2 and bundle.reads_titles:
        known = len(model.word_embeddings())
        if bundle.title_tokens(bundle.features).max() >= known:
            raise InputError(f"{folder}: has tokens that {checkpoint}, with {known}, lacks")
    table = ArticleTable(bundle.articles[ARTICLE_ID], np.array(bundle.features))
    return check_bundle(Recommender(bundle), model, table)


def check_bundle(recommender: Recommender, model: NRMS, table: ArticleTable) -> Agreement:
    """Score drawn impressions by the bundle and by torch; InputError where they differ.

    Histories are of all lengths, empty ones and unknown articles among them, and some candidates
    are twice there, so that the tie rule is checked too.
    """
    split = _drawn(table, model.hyper_parameters.history_size)
    found = recommender.score_impressions(split)
    impressions = index_impressions(split, table, model.hyper_parameters.history_size)
    scores = torch_scores(model, table, impressions)
    return compare(found.scores, found.ranks, scores, impressions.offsets)


def compare(
    scores: np.ndarray, found_ranks: np.ndarray, expected: np.ndarray, offsets: np.ndarray
) -> Agreement:
    """Compare scores and ranks (N,) with torch's scores (N,); InputError where they differ."""
    tolerance = TOLERANCE * max(1.0, float(np.abs(expected).max(initial=0)))
    difference = float(np.abs(scores - expected).max(initial=0))
    expected_ranks = ranks(torch.from_numpy(expected), torch.from_numpy(offsets)).numpy()
    moved = found_ranks != expected_ranks
    # Where a candidate stands at another's place, both scores must be as good as equal.
    owner = np.repeat(offsets[:-1], np.diff(offsets))
    at_rank = np.empty_like(expected)
    at_rank[owner + expected_ranks - 1] = expected
    gaps = np.abs(at_rank[owner + found_ranks - 1] - expected)
    # Written so that NaN fails.
    if not (difference <= tolerance and float(gaps.max(initial=0)) <= tolerance):
        raise InputError(
            f"the bundle's scores differ from torch's by {difference:.1e}, ranks over gaps of "
            f"{gaps.max(initial=0):.1e}; expected {tolerance:.1e} at most"
        )
    return Agreement(len(scores), difference, tolerance, int(moved.sum()))


def torch_scores(model: NRMS, table: ArticleTable, impressions: Impressions) -> np.ndarray:
    """Score impressions (N candidates) by torch, encoding only the articles that occur: (N,)."""
    rows = np.union1d(impressions.histories, impressions.candidates)
    news = torch.zeros(len(table.features), model.hyper_parameters.vector_size)
    news[torch.from_numpy(rows)] = encode_articles(model, torch.from_numpy(table.features[rows]))
    return score_impressions(model, news, impressions).numpy()


def _drawn(table: ArticleTable, history_size: int) -> Split:
    """Draw impressions of known and unknown ids, of one seed."""
    generator = np.random.default_rng(0)
    ids = table.ids.extend_constant(None, 1)
    lengths = generator.integers(0, history_size + 3, _IMPRESSIONS)

    def draw(size: int) -> pl.Series:
        return ids.gather(generator.integers(0, len(ids), size))

    numbers = np.arange(_IMPRESSIONS)
    histories = [draw(length) for length in lengths]
    candidates = [draw(_CANDIDATES) for _ in numbers]
    return Split(
        folder=Path(),
        impressions=pl.LazyFrame(
            {IMPRESSION_ID: numbers, HISTORY_KEY: numbers, INVIEW: candidates}
        ),
        histories=pl.LazyFrame({HISTORY_KEY: numbers, HISTORY: histories}),
        labelled=False,
    )
