"""What breaks the rules of the data: histories, the lookup, labels, training rows and titles."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from unittest.mock import patch

import numpy as np
import polars as pl

from nrms_tf_reference.parity.rules.patching import Everywhere, Patch, around, fixed
from nrms_torch.data.articles import ArticleTable, article_texts, vector_table
from nrms_torch.data.impressions import Impressions
from nrms_torch.data.indexing import index_impressions
from nrms_torch.data.loading import TrainingDataset
from nrms_torch.data.sampling import TrainingRows, draw_candidates, training_rows
from nrms_torch.data.schema import HISTORY, Split
from nrms_torch.data.transformer import word_embeddings
from nrms_torch.data.vocabulary import Vocabulary


def _from_the_first_clicks(real: Any, split: Split, table: ArticleTable, size: int) -> Any:
    histories = split.histories.with_columns(pl.col(HISTORY).list.head(size))
    return real(replace(split, histories=histories), table, size)


def _with_histories(change: Any) -> Patch:
    """Put `change(history)` in place of each history (H,)."""

    def changed(real: Any, *arguments: Any) -> Impressions:
        found = real(*arguments)
        return replace(found, histories=np.stack([change(one) for one in found.histories]))

    return Everywhere(index_impressions, changed)


def _labelled_by_row(real: Any, *arguments: Any) -> Impressions:
    """Label every candidate that shares its row with a clicked one, as unknown articles do."""
    found: Impressions = real(*arguments)
    if found.labels is None:
        return found
    owner = np.repeat(np.arange(len(found)), np.diff(found.offsets))
    keys = owner * (int(found.candidates.max(initial=0)) + 1) + found.candidates
    return replace(found, labels=np.isin(keys, keys[found.labels]))


def _article_0_is_known(real: Any, self: ArticleTable, ids: pl.Series) -> np.ndarray:
    row_of_0 = self.ids.to_list().index(0) + 1
    return np.where((ids == 0).to_numpy(), row_of_0, real(self, ids))


LOOKUP: dict[str, tuple[Patch, ...]] = {
    "last_clicks": (Everywhere(index_impressions, _from_the_first_clicks),),
    "padded_left": (_with_histories(lambda one: np.roll(one, -int((one != 0).argmax()))),),
    "unknown_keep_place": (_with_histories(lambda one: one[np.argsort(one != 0, kind="stable")]),),
    "unknown_row": (
        around(ArticleTable, "rows", lambda real, self, ids: np.maximum(real(self, ids), 1)),
    ),
    "id_0": (around(ArticleTable, "rows", _article_0_is_known),),
    "row_0_zeros": (patch.dict(vector_table.__kwdefaults__, unknown="mean"),),
    "labelled_by_id": (Everywhere(index_impressions, _labelled_by_row),),
}


def _one_row_an_impression(real: Any, impressions: Impressions) -> TrainingRows:
    rows = real(impressions)
    owners, first = np.unique(rows.owners, return_index=True)
    return replace(rows, owners=owners, clicks=rows.clicks[first])


def _draw(rows: TrainingRows, picks: np.ndarray, chosen: np.ndarray) -> tuple[np.ndarray, ...]:
    """Give each row's click first, and behind it the candidates at positions `picks` (B, ·)."""
    negatives = rows.impressions.candidates[picks]
    candidates = np.concatenate([rows.positives(chosen)[:, None], negatives], axis=1)
    return candidates, np.eye(1, candidates.shape[1], dtype=np.float32).repeat(len(chosen), axis=0)


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


def _every_click(_: Any, self: Impressions) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    assert self.labels is not None, "there are clicks"
    owner = np.arange(len(self), dtype=np.int32).repeat(np.diff(self.offsets))
    yield owner[self.labels], np.flatnonzero(self.labels)


TRAINING_ROWS: dict[str, tuple[Patch, ...]] = {
    "each_click": (Everywhere(training_rows, _one_row_an_impression),),
    "with_replacement": (Everywhere(draw_candidates, _without_replacement),),
    "own_negatives": (Everywhere(draw_candidates, _from_all_impressions),),
    "shuffled": (Everywhere(draw_candidates, _click_first),),
    "sampled_once": (fixed(TrainingDataset, "once", False),),
    "skipped": (around(Impressions, "usable_click_parts", _every_click),),
}


def _joined_by_nothing(real: Any, articles: pl.DataFrame, columns: list[str]) -> Any:
    return real(articles.with_columns(pl.concat_str(columns).alias(columns[0])), columns[:1])


def _padded_before(real: Any, self: Vocabulary, texts: list[str], size: int) -> np.ndarray:
    tokens, pad = real(self, texts, size), self.token_ids[self.pad]
    return np.stack([row[np.argsort(row != pad, kind="stable")] for row in tokens])


def _with_special_tokens(_: Any, self: Vocabulary, texts: list[str], size: int) -> np.ndarray:
    return np.array([self.tokenizer.encode(text).ids[:size] for text in texts])


def _of_length_1(real: Any, *arguments: Any) -> np.ndarray:
    table: np.ndarray = real(*arguments)
    return table / np.linalg.norm(table, axis=1, keepdims=True)


TITLES: dict[str, tuple[Patch, ...]] = {
    "joined_by_space": (Everywhere(article_texts, _joined_by_nothing),),
    "padded_behind": (around(Vocabulary, "tokenise", _padded_before),),
    "no_special_tokens": (around(Vocabulary, "tokenise", _with_special_tokens),),
    "input_embeddings": (Everywhere(word_embeddings, _of_length_1),),
}
