"""Histories, the article lookup, labels and training rows."""

from dataclasses import replace
from typing import Any
from unittest.mock import patch

import numpy as np
import polars as pl

from nrms_tf_reference.parity.rules.rule import Everywhere, Rule, around, fixed
from nrms_torch.data.articles import ArticleTable, vector_table
from nrms_torch.data.impressions import Impressions, _unusable
from nrms_torch.data.indexing import index_impressions
from nrms_torch.data.loading import TrainingDataset
from nrms_torch.data.sampling import TrainingRows, draw_candidates, training_rows
from nrms_torch.data.schema import HISTORY, Split

_ARTICLES = "tests/data/test_articles.py::"
_SAMPLING = "tests/data/test_sampling.py::"
_UNIFORM = _SAMPLING + "test_negatives_are_drawn_uniformly_and_with_replacement"


def _from_the_first_clicks(real: Any, split: Split, table: ArticleTable, size: int) -> Impressions:
    histories = split.histories.with_columns(pl.col(HISTORY).list.head(size))
    found: Impressions = real(replace(split, histories=histories), table, size)
    return found


def _with_histories(change: Any) -> Any:
    """Put `change(history)` in place of each history (H,)."""

    def broken(real: Any, *arguments: Any) -> Impressions:
        found = real(*arguments)
        return replace(found, histories=np.stack([change(one) for one in found.histories]))

    return Everywhere(index_impressions, broken)


def _known_behind_padding(history: np.ndarray) -> np.ndarray:
    return history[np.argsort(history != 0, kind="stable")]


def _padding_behind(history: np.ndarray) -> np.ndarray:
    return np.roll(history, -int((history != 0).argmax()))


def _labelled_by_row(real: Any, *arguments: Any) -> Impressions:
    """Label every candidate that shares its row with a clicked one, as unknown articles do."""
    found: Impressions = real(*arguments)
    if found.labels is None:
        return found
    owner = np.repeat(np.arange(len(found)), np.diff(found.offsets))
    keys = owner * (int(found.candidates.max(initial=0)) + 1) + found.candidates
    return replace(found, labels=np.isin(keys, keys[found.labels]))


def _unknown_in_the_first_row(real: Any, self: ArticleTable, ids: pl.Series) -> np.ndarray:
    return np.maximum(real(self, ids), 1)


def _article_0_is_known(real: Any, self: ArticleTable, ids: pl.Series) -> np.ndarray:
    row_of_0 = self.ids.to_list().index(0) + 1
    return np.where((ids == 0).to_numpy(), row_of_0, real(self, ids))


def _one_row_an_impression(real: Any, impressions: Impressions) -> TrainingRows:
    rows = real(impressions)
    owners, first = np.unique(rows.owners, return_index=True)
    return replace(rows, owners=owners, clicks=rows.clicks[first])


def _draw(rows: TrainingRows, picks: np.ndarray, chosen: np.ndarray) -> tuple[np.ndarray, ...]:
    """Give each row's click first, and behind it the candidates at positions `picks` (B, ·)."""
    negatives = rows.impressions.candidates[picks]
    candidates = np.concatenate([rows.positives(chosen)[:, None], negatives], axis=1)
    labels = np.zeros(candidates.shape, dtype=np.float32)
    labels[:, 0] = 1
    return candidates, labels


def _without_replacement(
    _: Any, rows: TrainingRows, chosen: np.ndarray, *, npratio: int, seed: int, epoch: int
) -> tuple[np.ndarray, ...]:
    rng, places = np.random.default_rng([seed, epoch]), np.arange(npratio)
    negatives, offsets = rows.negatives(chosen)
    picks = [
        first + rng.permutation(size)[places % size]
        for first, size in zip(offsets[:-1], np.diff(offsets), strict=True)
    ]
    return _draw(rows, negatives[np.array(picks)], chosen)


def _from_all_impressions(
    _: Any, rows: TrainingRows, chosen: np.ndarray, *, npratio: int, seed: int, epoch: int
) -> tuple[np.ndarray, ...]:
    assert rows.impressions.labels is not None, "there are clicks"
    rng, negatives = np.random.default_rng([seed, epoch]), np.flatnonzero(~rows.impressions.labels)
    return _draw(rows, rng.choice(negatives, (len(chosen), npratio)), chosen)


def _click_first(real: Any, *arguments: Any, **options: Any) -> tuple[np.ndarray, ...]:
    candidates, labels = real(*arguments, **options)
    order = np.argsort(-labels, axis=1, kind="stable")
    return tuple(np.take_along_axis(array, order, axis=1) for array in (candidates, labels))


HISTORIES_AND_LOOKUP = (
    Rule(
        "A history is the last H clicks",
        "the first are the oldest",
        "the first H",
        "pipeline.json",
        (Everywhere(index_impressions, _from_the_first_clicks),),
    ),
    Rule(
        "Short histories are padded on the left",
        "a user vector does not depend on the order, so scores would not show it",
        "on the right",
        "pipeline.json",
        (_with_histories(_padding_behind),),
    ),
    Rule(
        "Unknown articles keep their place in a history",
        "as padding does, they take part in attention",
        "they make way for known ones",
        "pipeline.json",
        (_with_histories(_known_behind_padding),),
    ),
    Rule(
        "Ids that the articles lack are row 0",
        "known ids start at row 1",
        "they are row 1",
        "pipeline.json",
        (around(ArticleTable, "rows", _unknown_in_the_first_row),),
    ),
    Rule(
        "Id 0 is row 0",
        "it pads histories",
        "an article 0 is known",
        _ARTICLES + "test_id_0_is_no_article_even_where_the_articles_have_it",
        (around(ArticleTable, "rows", _article_0_is_known),),
    ),
    Rule(
        "Row 0 is zeros",
        "`data.unknown_article=mean` is the baseline's other choice",
        "the mean of all",
        _ARTICLES + "test_vectors_may_have_any_width_and_the_unknown_article_is_zeros",
        (patch.dict(vector_table.__kwdefaults__, unknown="mean"),),
    ),
    Rule(
        "A candidate is labelled by its id",
        "unknown articles share row 0",
        "by its row",
        "pipeline.json",
        (Everywhere(index_impressions, _labelled_by_row),),
    ),
)

TRAINING_ROWS = (
    Rule(
        "Each click is a training row",
        "one EB-NeRD impression in 200 has more than one",
        "the first of each impression",
        _SAMPLING + "test_an_impression_with_two_clicks_gives_two_rows_that_share_their_negatives",
        (Everywhere(training_rows, _one_row_an_impression),),
    ),
    Rule(
        "Negatives are drawn with replacement",
        "an impression may have fewer than `npratio`",
        "without, while they last",
        _UNIFORM,
        (Everywhere(draw_candidates, _without_replacement),),
    ),
    Rule(
        "Negatives are of the click's own impression",
        "seen and not clicked",
        "of all impressions",
        _SAMPLING + "test_negatives_are_of_the_clicks_own_impression",
        (Everywhere(draw_candidates, _from_all_impressions),),
    ),
    Rule(
        "Candidates are shuffled",
        "the click's place must tell nothing",
        "the click stands first",
        _SAMPLING + "test_the_click_stands_anywhere_with_equal_chance",
        (Everywhere(draw_candidates, _click_first),),
    ),
    Rule(
        "`data.sampling=once` draws before training, once",
        "the baseline's way; ours, by default, draws for each epoch",
        "anew each epoch",
        _SAMPLING + "test_sampling_once_repeats_the_first_epochs_draws",
        (fixed(TrainingDataset, "once", False),),
    ),
    Rule(
        "An impression without negatives is skipped and counted",
        "the baseline trains on nulls there: here we differ on purpose",
        "it is a training row",
        "tests/data/test_datamodule.py::test_a_train_split_without_a_usable_impression_is_refused",
        (Everywhere(_unusable, lambda _, sizes, labels: np.zeros(len(sizes), dtype=bool)),),
    ),
)
