"""Late features of a split: which events it may know of, and the features of its impressions."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from nrms_torch.data.articles import ArticleTable
from nrms_torch.data.config import DataConfig
from nrms_torch.data.impressions import Impressions
from nrms_torch.errors import InputError
from nrms_torch.late.features import feature_matrix
from nrms_torch.late.parts import feature_parts
from nrms_torch.late.replay import Replay
from nrms_torch.late.stage import STREAMING, LateSettings
from nrms_torch.late.visits import Visits, read_visits, span_of

_DAY_S = 86_400


class LateSplit:
    """A split whose impressions can be asked for their features."""

    def __init__(
        self, settings: LateSettings, visits: dict[str, Visits], split: str, end: int | None
    ) -> None:
        """Take the visits of splits up to `split`, by name; no click is known from `end` on."""
        self.visits = visits[split]
        self._names = settings.features
        self._replay = Replay(list(visits.values()), lag=settings.lag, no_clicks_after=end)

    def features(self, impressions: np.ndarray) -> np.ndarray:
        """Compute the features (n, F) of the candidates of impressions, indices of the split."""
        return feature_matrix(self._names, self._replay.counts(self.visits, impressions))

    def parts(self, names: Sequence[str] | None = None) -> Iterator[tuple[slice, np.ndarray]]:
        """Yield the features of all candidates, some impressions at a time, and which they are."""
        offsets = self.visits.impressions.offsets
        chosen = self._names if names is None else names
        for impressions, features in feature_parts(chosen, self._replay, self.visits):
            yield slice(offsets[impressions[0]], offsets[impressions[-1] + 1]), features


def scored_split(
    settings: LateSettings,
    config: DataConfig,
    table: ArticleTable,
    splits: Mapping[str, Impressions],
    split: str,
) -> LateSplit:
    """Give a split as its rule has it, of the `splits` up to it, by name.

    `streaming`: all that a server knew at the moment, in all splits. `train_only`: clicks end with
    train, and only what is shown goes on, which a split without labels tells too. Raises InputError
    where the data has no times, or the rule wants clicks that it has not.
    """
    is_streaming = settings.rule == STREAMING
    if is_streaming and splits[split].labels is None:
        raise InputError(
            f"late.rule: {split} of {config.folder} has no clicks, and streaming weights need "
            "those of the hours before; expected a run trained with late.rule=train_only, or "
            "text_alone=true"
        )
    if not is_streaming and "train" not in splits:
        raise InputError(f"late.rule: {config.folder} has no train split, as train_only expects")
    visits = read_visits(config, table, splits)
    end = None if is_streaming else span_of([visits["train"]])[1]
    return LateSplit(settings, visits, split, end)


def training_split(
    settings: LateSettings, config: DataConfig, table: ArticleTable, train: Impressions
) -> tuple[LateSplit, np.ndarray]:
    """Give train as it is fitted on, and the impressions (n,) to fit on, in order.

    `streaming`: without the first day, or quarter, when nobody had clicked yet. `train_only`: its
    second half, with the clicks of the first, as a later split has those of train. Raises
    InputError where the data has no times, or nothing is left to fit on.
    """
    visits = read_visits(config, table, {"train": train})
    first, last = span_of([visits["train"]])
    end, start = None, first + min(_DAY_S, (last - first) // 4)
    if settings.rule != STREAMING:
        end = start = (first + last) // 2
    usable = np.flatnonzero(~train.unusable() & (visits["train"].times >= start))
    if not len(usable):
        raise InputError(
            f"late: {config.folder}: no impression of train with a click is left behind its first "
            "hours, which only count; expected train to be of days"
        )
    return LateSplit(settings, visits, "train", end), usable
