"""The late stage of a run: fitted on train, on top of NRMS as it is, and asked for its scores."""

from collections.abc import Callable

import numpy as np
import torch
from omegaconf import DictConfig

from nrms_torch.configuration import plain
from nrms_torch.data.datamodule import NewsDataModule
from nrms_torch.evaluation.scoring import encode_articles, score_impressions
from nrms_torch.late.split import scored_split, training_split
from nrms_torch.late.stage import LateSettings, LateStage
from nrms_torch.late.visits import read_visits, splits_with_events
from nrms_torch.training.lightning_module import NRMSModule

# A handful of weights needs no more impressions, and a few hundred trees hardly; they are spread
# over train evenly.
_FITTED_IMPRESSIONS = 300_000


# Of everybody's clicks alone, by the same rule: what late features have to beat.
_SIMPLE = ("clicks_12h", "click_through_12h")


class LateScores:
    """Scores of a split with its late features."""

    def __init__(self, stage: LateStage, datamodule: NewsDataModule, split: str) -> None:
        """Read what the stage may know; InputError where the data cannot tell it."""
        self.stage = stage
        config = datamodule.config
        names = splits_with_events(config, split)
        splits = {name: datamodule.impressions(name) for name in names}
        self._split = scored_split(stage.settings, config, datamodule.table, splits, split)

    def of(self, impressions: np.ndarray, text: np.ndarray) -> np.ndarray:
        """Score the candidates of impressions, indices of the split, by their dots: (n,)."""
        return self.stage.scores(self._split.features(impressions), text)

    def all(self, text: np.ndarray | None) -> np.ndarray:
        """Score all candidates by their dots (N,), None for none: (N,) float32."""
        scores = np.empty(len(self._split.visits.impressions.candidates), dtype=np.float32)
        for part, features in self._split.parts():
            scores[part] = self.stage.scores(features, None if text is None else text[part])
        return scores

    def simple_rankings(self) -> dict[str, np.ndarray]:
        """Score all candidates by everybody's clicks alone, (N,) float32 by the count's name."""
        parts = [features for _, features in self._split.parts(_SIMPLE)]
        found = np.concatenate([np.zeros((0, len(_SIMPLE)), dtype=np.float32), *parts])
        return dict(zip(_SIMPLE, found.T, strict=True))


def require_times(datamodule: NewsDataModule) -> None:
    """Raise InputError now, not after training, where the data tells no times of impressions."""
    for split in ("train", "validation"):
        read_visits(datamodule.config, datamodule.table, {split: datamodule.impressions(split)})


def fit_late(
    settings: LateSettings,
    datamodule: NewsDataModule,
    text_scores: Callable[[NewsDataModule, np.ndarray], np.ndarray] | None = None,
) -> LateStage:
    """Fit a stage on train; `text_scores` gives the dots of all candidates of impressions.

    Raises InputError where the data has no times.
    """
    train = datamodule.impressions("train")
    split, usable = training_split(settings, datamodule.config, datamodule.table, train)
    if len(usable) > _FITTED_IMPRESSIONS:
        spread = np.linspace(0, len(usable) - 1, _FITTED_IMPRESSIONS)
        usable = usable[spread.astype(np.int64)]
    places, offsets = train.candidate_positions(usable)
    assert train.labels is not None, "there are clicks"
    text = None if text_scores is None else text_scores(datamodule, usable)
    return settings.fit(split.features(usable), text, train.labels[places], offsets)


def dots_without_popularity(module: NRMSModule) -> Callable[..., np.ndarray]:
    """Give what scores train's impressions by text, as if nobody knew what train's readers clicked.

    The standard variant reads an article's clicks of train, among them the very click that a
    weight is fitted to: of those it would be too sure.
    """

    def scores(datamodule: NewsDataModule, impressions: np.ndarray) -> np.ndarray:
        table = module.table.clone()
        if module.model.is_standard:
            table[:, -1] = 0
        module.model.eval()
        train = datamodule.impressions("train")
        places, _ = train.candidate_positions(impressions)
        with torch.no_grad():
            news = encode_articles(module.model, table)
        return score_impressions(module.model, news, train).numpy()[places]

    return scores


def late_settings(section: DictConfig | None) -> LateSettings | None:
    """Take the section `late` of a configuration, None where it is null."""
    return None if section is None else LateSettings.of(plain(section))
