"""A race with the live TensorFlow reference on real impressions: same start, same batches.

Dimensions: S steps, N candidates.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count, islice
from typing import TYPE_CHECKING

import numpy as np
import torch
from omegaconf import DictConfig
from torch import Tensor

from nrms_tf_reference.parity.check import Check, largest_difference
from nrms_tf_reference.parity.outputs import train_on
from nrms_tf_reference.parity.rank_order import swapped_gaps
from nrms_tf_reference.parity.tolerances import RACE_LOSS, RECORDED, SMALL_GAP
from nrms_tf_reference.parity.twin import build_twin, give_weights, take_weights, twin_dots
from nrms_torch.data.datamodule import NewsDataModule
from nrms_torch.data.impressions import Impressions
from nrms_torch.data.loading import TrainingBatch
from nrms_torch.errors import InputError
from nrms_torch.evaluation.scoring import encode_articles, score_impressions
from nrms_torch.fields import require_integer
from nrms_torch.keras_weights.names import to_keras
from nrms_torch.training.assemble import for_training
from nrms_torch.training.lightning_module import NRMSModule
from nrms_torch.training.variants import resolve_variant

if TYPE_CHECKING:  # TensorFlow takes seconds to import, and may not be installed
    from nrms_tf_reference.reference import Reference

_CHOICES = {"start": ("ours", "reference"), "precision": ("float32", "float64")}
CANDIDATES_SCORED = 256  # by the reference's scorer itself, which is slow


@dataclass(frozen=True)
class Race:
    """The losses (S,) of both sides, and what the report says of them and of the scores."""

    losses: np.ndarray
    reference_losses: np.ndarray
    checks: list[Check]


def run_race(config: DictConfig) -> Race:
    """Train ours and the reference, then rank validation impressions with both.

    `config` is a training configuration with `steps`, `impressions` (those ranked, drawn from the
    seed), `start`: whose initial weights both sides have, `ours` or `reference`, and `precision`:
    float32, or float64 for what is left of a difference without rounding. With `reversed` the
    reference is trained again on the same rows of each batch in reverse order, which in exact
    numbers is the same: what differs then is what rounding alone does.

    Raises InputError where dropout is on, for no two sides draw it alike, and for whatever else
    in the configuration or the data is wrong.
    """
    config = _checked(config)
    datamodule, module = for_training(config, vocabulary=None)
    validation = datamodule.impressions("validation")
    impressions = draw_impressions(validation, config.impressions, config.seed)
    batches = list(islice(_batches(datamodule), config.steps))
    if config.precision == "float64":
        module.double()
        module.table = _double(module.table)
        batches = [TrainingBatch(*map(_double, batch)) for batch in batches]
    twin = build_twin(module, seed=config.seed)
    if config.start == "ours":
        give_weights(module, twin)
    else:
        take_weights(module, twin)
    start, features = twin.get_weights(), module.table.numpy()
    theirs = _train_twin(twin, features, batches)
    ours = train_on(module, batches)
    name, steps = config.model.name, f"{len(ours)} steps"
    checks = [Check(name, "losses", largest_difference("losses", ours, theirs), RACE_LOSS, steps)]
    if config.reversed:
        again = build_twin(module, seed=config.seed)
        again.set_weights(start)
        backwards = [TrainingBatch(*(tensor.flip(0) for tensor in batch)) for batch in batches]
        itself = _train_twin(again, features, backwards)
        apart = largest_difference("losses", itself, theirs)
        checks.append(Check(name, "losses, the reference against itself", apart, None, "reversed"))
    checks.append(_check_weights(name, module, twin))
    checks += _check_scores(name, module, twin, datamodule.table.features, impressions)
    return Race(ours, theirs, checks)


def _checked(config: DictConfig) -> DictConfig:
    """Check the race's own fields, and round what Keras rounds in any precision."""
    require_integer("steps", config.steps, 1)
    require_integer("impressions", config.impressions, 1)
    for name, choices in _CHOICES.items():
        if config[name] not in choices:
            raise InputError(f"{name}: {config[name]!r} is none of {', '.join(choices)}")
    if config.model.variant == "standard":
        raise InputError("model.variant: found standard; expected baseline")
    resolve_variant(config)
    if config.model.dropout != 0:
        raise InputError(f"model.dropout: expected 0, found {config.model.dropout}")
    if config.precision == "float64":
        config = config.copy()
        rounded = float(np.float32(config.model.newsencoder_l2_regularization))
        config.model.newsencoder_l2_regularization = rounded
    return config


def _double(tensor: Tensor) -> Tensor:
    return tensor.double() if tensor.is_floating_point() else tensor


def _batches(datamodule: NewsDataModule) -> Iterator[TrainingBatch]:
    """Give the batches of our loader, epoch after epoch."""
    loader = datamodule.train_dataloader()
    for epoch in count():
        loader.sampler.set_epoch(epoch)  # type: ignore[attr-defined]
        yield from loader


def _train_twin(twin: Reference, features: np.ndarray, batches: list[TrainingBatch]) -> np.ndarray:
    from nrms_tf_reference.data import Batch

    arrays = ([tensor.numpy() for tensor in batch] for batch in batches)
    losses: np.ndarray = twin.fit(
        Batch(features[history], features[candidates], labels)
        for history, candidates, labels in arrays
    )
    return losses[0]


def draw_impressions(impressions: Impressions, number: int, seed: int) -> Impressions:
    """Draw `number` impressions, or take all where there are no more."""
    drawn = np.random.default_rng(seed).permutation(len(impressions))[:number]
    chosen = np.sort(drawn)
    sizes = np.diff(impressions.offsets)
    is_kept = np.zeros(len(impressions), dtype=bool)
    is_kept[chosen] = True
    of_candidate = is_kept.repeat(sizes)
    return Impressions(
        impression_ids=impressions.impression_ids[chosen],
        history_index=impressions.history_index[chosen],
        histories=impressions.histories,
        offsets=np.concatenate([[0], np.cumsum(sizes[chosen])]),
        candidates=impressions.candidates[of_candidate],
        labels=None,
        unknown_articles=impressions.unknown_articles,
    )


def _check_weights(name: str, module: NRMSModule, twin: Reference) -> Check:
    """Show how far apart the weights have come."""
    ours, theirs = to_keras(module.model, module.model.state_dict()), twin.get_weights()
    apart = {key: largest_difference(key, ours[key], theirs[key]) for key in theirs}
    worst = max(apart, key=lambda key: apart[key])
    return Check(name, "final weights", apart[worst], None, worst)


def _check_scores(
    name: str,
    module: NRMSModule,
    twin: Reference,
    features: np.ndarray,
    impressions: Impressions,
) -> list[Check]:
    # The scoring path computes in float32, however the weights were trained.
    model = module.model.float().eval()
    news = encode_articles(model, torch.from_numpy(features))
    ours = score_impressions(model, news, impressions).numpy()
    theirs = twin_dots(twin, features, impressions)
    gaps = swapped_gaps(ours, theirs, impressions.offsets)
    sizes = np.diff(impressions.offsets)
    pairs = int((sizes * (sizes - 1) // 2).sum())
    small = int((gaps < SMALL_GAP).sum())
    scope = f"of {pairs:,} in {len(impressions):,} impressions; {small} closer"
    return [
        Check(name, "scores (dots)", largest_difference("scores", ours, theirs), None),
        Check(name, f"pairs swapped, {SMALL_GAP:g} or more apart", len(gaps) - small, 0, scope),
        _check_scorer(name, twin, features, impressions, theirs),
    ]


def _check_scorer(
    name: str, twin: Reference, features: np.ndarray, impressions: Impressions, dots: np.ndarray
) -> Check:
    """Hold the reference's dots against its own scorer, which repeats a history per candidate."""
    history = impressions.histories[impressions.history_index.repeat(np.diff(impressions.offsets))]
    some = slice(0, CANDIDATES_SCORED)
    found = twin.score(features[history[some]], features[impressions.candidates[some, None]])
    expected = torch.from_numpy(dots[some]).sigmoid().numpy()
    apart = largest_difference("scorer", found, expected)
    note = f"{len(found)} candidates, sigmoid"
    return Check(name, "the reference's scorer and dots", apart, RECORDED["sigmoid"].limit, note)
