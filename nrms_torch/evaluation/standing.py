"""Where a model stands: its metrics with their intervals, beside those of simple rankings."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain
from types import MappingProxyType
from typing import Any

import numpy as np

from nrms_torch.data.datamodule import NewsDataModule
from nrms_torch.data.impressions import Impressions
from nrms_torch.evaluation.baselines import simple_rankings
from nrms_torch.evaluation.intervals import Interval, bootstrap
from nrms_torch.evaluation.metrics import NAMES, means, per_impression

# Least clicks of a history in each row of the table by length.
_LENGTHS = (0, 1, 2, 3, 5, 10, 20)


@dataclass(frozen=True)
class Simple:
    """A simple ranking: its metrics, its AUC's interval, and the model's AUC less its own."""

    metrics: Mapping[str, float]
    auc: Interval
    difference: Interval


@dataclass(frozen=True)
class Segment:
    """Some impressions: how many, the model's AUC, and the AUC of each simple ranking."""

    impressions: int
    auc: Interval
    simple: Mapping[str, float]


@dataclass(frozen=True)
class Standing:
    """The model's metrics with intervals, the simple rankings, and both by history length."""

    model: Mapping[str, Interval]
    simple: Mapping[str, Simple]
    by_history_length: Mapping[str, Segment]

    def to_mapping(self) -> dict[str, Any]:
        """Give it as JSON has it: an interval is [low, high]."""
        return {
            "intervals": {name: _ends(interval) for name, interval in self.model.items()},
            "simple": {
                name: {
                    **simple.metrics,
                    "interval": _ends(simple.auc),
                    "difference": {
                        "auc": simple.difference.mean,
                        "interval": _ends(simple.difference),
                    },
                }
                for name, simple in self.simple.items()
            },
            "by_history_length": {
                clicks: {
                    "impressions": segment.impressions,
                    "auc": segment.auc.mean,
                    "interval": _ends(segment.auc),
                    "simple": dict(segment.simple),
                }
                for clicks, segment in self.by_history_length.items()
            },
        }

    def worse_than(self) -> dict[str, Interval]:
        """Give the simple rankings of a higher AUC than the model's, and the model's difference."""
        return {
            name: simple.difference
            for name, simple in self.simple.items()
            if simple.difference.mean < 0
        }


def compare(
    scores: np.ndarray,
    datamodule: NewsDataModule,
    split: str,
    others: Mapping[str, np.ndarray] = MappingProxyType({}),
) -> Standing:
    """Compare the model's scores (N,) of a labelled split with the simple rankings of it.

    And with `others`, scores (N,) by name, which come first.
    Impressions with no click or no negative are left out; at least one must be left.
    """
    impressions = datamodule.impressions(split)
    model = _usable(scores, impressions)
    columns = np.stack([model[name] for name in NAMES], axis=1)
    rankings = chain(others.items(), simple_rankings(datamodule, split))
    simple = {name: _usable(own, impressions) for name, own in rankings}
    aucs = {name: values["auc"] for name, values in simple.items()}
    differences = [model["auc"] - auc for auc in aucs.values()]
    found = bootstrap(np.column_stack([columns, *aucs.values(), *differences]))
    of_model, of_simple = found[: len(NAMES)], found[len(NAMES) :]
    pairs = zip(simple.items(), of_simple[: len(simple)], of_simple[len(simple) :], strict=True)
    return Standing(
        model=dict(zip(NAMES, of_model, strict=True)),
        simple={
            name: Simple(means(values), auc, difference)
            for (name, values), auc, difference in pairs
        },
        by_history_length=_by_history_length(impressions, model["auc"], aucs),
    )


def _usable(scores: np.ndarray, impressions: Impressions) -> dict[str, np.ndarray]:
    """Compute the metrics of each impression that has any, (I,) in order."""
    assert impressions.labels is not None
    values = per_impression(scores, impressions.labels, impressions.offsets)
    counted = ~np.isnan(values["auc"])
    return {name: value[counted] for name, value in values.items()}


def _by_history_length(
    impressions: Impressions, model: np.ndarray, simple: Mapping[str, np.ndarray]
) -> dict[str, Segment]:
    """Cut AUCs (I,) of usable impressions by the known clicks that the model read."""
    clicks = np.count_nonzero(impressions.histories, axis=1)
    clicks = clicks[impressions.history_index[~impressions.unusable()]]
    lengths = [length for length in _LENGTHS if length <= impressions.histories.shape[1]]
    row = np.searchsorted(lengths, clicks, side="right") - 1
    segments = {}
    for number, name in enumerate(_names(lengths)):
        own = row == number
        if own.any():
            (auc,) = bootstrap(model[own, None])
            others = {simple_name: float(auc[own].mean()) for simple_name, auc in simple.items()}
            segments[name] = Segment(int(own.sum()), auc, others)
    return segments


def _names(lengths: list[int]) -> list[str]:
    """Name the rows that begin at `lengths`: 0, 1, 2, 3-4, …, 20+."""
    ends = [following - 1 for following in lengths[1:]]
    names = [
        str(first) if first == last else f"{first}-{last}"
        for first, last in zip(lengths, ends, strict=False)
    ]
    return [*names, f"{lengths[-1]}+"]


def _ends(interval: Interval) -> list[float]:
    return [interval.low, interval.high]
