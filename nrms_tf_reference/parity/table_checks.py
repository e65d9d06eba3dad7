"""Golden JSON: metrics of recorded scores, and impressions through the data pipeline."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import torch
from torch import Tensor

from nrms_tf_reference.parity.check import Check, largest_difference
from nrms_tf_reference.parity.tolerances import METRIC
from nrms_torch.data.articles import ArticleTable
from nrms_torch.data.impressions import Impressions
from nrms_torch.data.indexing import index_impressions
from nrms_torch.data.sampling import training_rows
from nrms_torch.data.schema import CLICKED, HISTORY, HISTORY_KEY, IMPRESSION_ID, INVIEW, Split
from nrms_torch.errors import InputError
from nrms_torch.evaluation import beyond_accuracy
from nrms_torch.evaluation.probability import ProbabilityMetrics
from nrms_torch.evaluation.ranking import RankingMetrics, per_impression, ranks
from nrms_torch.evaluation.submission import submission_lines

METRICS_KEYS = frozenset({"labels", "predictions", "per_impression", "means", "beyond_accuracy"})
PIPELINE_KEYS = frozenset(
    {"history_size", "impression_id", "history_full", "history", "inview", "clicked", "labels"}
    | {"scores", "ranks", "known_articles", "article_tokens", "unknown_row"}
)


def check_metrics(path: Path, recorded: Mapping[str, Any]) -> list[Check]:
    """Hold every metric against the recorded, by impression and in the mean.

    Raises InputError where the recorded lists do not fit together.
    """
    scores, offsets = _flat(recorded["predictions"])
    labels = _flat(recorded["labels"])[0].long()
    one_by_one = recorded["per_impression"]
    if not len(offsets) - 1 == len(one_by_one) == len(recorded["labels"]):
        raise InputError(f"{path}: labels, predictions and per_impression differ in length")
    found = per_impression(scores, labels, offsets)
    checks = [_check_ranks(path, scores, offsets, [one["ranks"] for one in one_by_one])]
    for name, values in found.items():
        expected = [_number(one[name.replace("@", "")]) for one in one_by_one]
        checks.append(_metric(path, f"{name} by impression", values, expected))
    means: dict[str, Tensor] = {}
    for metrics in (RankingMetrics(), ProbabilityMetrics()):
        metrics.update(scores, labels, offsets)
        means |= metrics.compute()
    for name, expected in recorded["means"].items():
        checks.append(_metric(path, f"mean {name}", means[name], expected))
    beyond = recorded["beyond_accuracy"]
    checks += [
        _metric(path, name, value, beyond[name]) for name, value in _beyond_accuracy(beyond).items()
    ]
    return checks


def check_pipeline(path: Path, recorded: Mapping[str, Any]) -> list[Check]:
    """Hold histories, lookup, labels, ranks and the submission against the recorded, exactly.

    The submission's text is that of the file of the same name in `.txt`, where there is one.
    """
    known = recorded["known_articles"]
    tokens = {id_: recorded["article_tokens"][str(id_)] for id_ in known}
    unknown = recorded["unknown_row"]
    features = np.array([unknown, *tokens.values()], dtype=np.int32)
    kind = pl.Int64() if all(isinstance(id_, int) for id_ in known) else pl.String()
    table = ArticleTable(pl.Series(known, dtype=kind), features)
    found = index_impressions(_split(path, recorded, kind), table, recorded["history_size"])

    def looked_up(lists: list[list[Any]]) -> list[list[Any]]:
        return [[tokens.get(id_, unknown) for id_ in ids] for ids in lists]

    histories = table.features[found.histories[found.history_index]].tolist()
    candidates = np.split(table.features[found.candidates], found.offsets[1:-1])
    clicks = sum(sum(one) for one in recorded["labels"] if 0 < sum(one) < len(one))
    scores, offsets = _flat(recorded["scores"])
    checks = [
        _exact(path, "histories", _ids(found, known), _recorded_ids(recorded["history"], known)),
        _exact(path, "history tokens", histories, looked_up(recorded["history"])),
        _exact(
            path,
            "candidate tokens",
            [part.tolist() for part in candidates],
            looked_up(recorded["inview"]),
        ),
        _exact(path, "labels", _labels(found), recorded["labels"]),
        Check(path.name, "training rows", abs(len(training_rows(found)) - clicks), 0),
        _check_ranks(path, scores, offsets, recorded["ranks"]),
    ]
    if (text := path.with_suffix(".txt")).is_file():
        ids = np.array(recorded["impression_id"], dtype=np.int64)
        lines = list(submission_lines(ids, ranks(scores, offsets).numpy(), offsets.numpy()))
        expected = text.read_text().splitlines(keepends=True)
        checks.append(_exact(path, "submission lines", lines, expected))
    return checks


def _split(path: Path, recorded: Mapping[str, Any], kind: pl.DataType) -> Split:
    """Make a split of the recorded impressions, each with a history of its own."""
    keys = range(len(recorded["impression_id"]))
    ids = pl.List(kind)
    impressions = pl.DataFrame(
        {
            IMPRESSION_ID: recorded["impression_id"],
            HISTORY_KEY: keys,
            INVIEW: recorded["inview"],
            CLICKED: recorded["clicked"],
        },
        schema={IMPRESSION_ID: pl.Int64, HISTORY_KEY: pl.Int64, INVIEW: ids, CLICKED: ids},
    )
    histories = pl.DataFrame(
        {HISTORY_KEY: keys, HISTORY: recorded["history_full"]},
        schema={HISTORY_KEY: pl.Int64, HISTORY: ids},
    )
    return Split(path.parent, impressions.lazy(), histories.lazy(), labelled=True)


def _ids(found: Impressions, known: list[Any]) -> list[list[Any]]:
    ids = [None, *known]
    return [[ids[row] for row in history] for history in found.histories[found.history_index]]


def _recorded_ids(histories: list[list[Any]], known: list[Any]) -> list[list[Any]]:
    """Keep the known ids; all others share a row, which has none."""
    kept = set(known)
    return [[id_ if id_ in kept else None for id_ in history] for history in histories]


def _labels(found: Impressions) -> list[list[int]]:
    assert found.labels is not None
    return [part.tolist() for part in np.split(found.labels.astype(int), found.offsets[1:-1])]


def _beyond_accuracy(recorded: Mapping[str, Any]) -> dict[str, float]:
    vectors = recorded["candidate_vectors"]
    covered = beyond_accuracy.coverage(recorded["recommendations"], recorded["catalog_size"])
    return {
        "intralist_diversity": beyond_accuracy.intralist_diversity(vectors),
        "serendipity": beyond_accuracy.serendipity(vectors, recorded["history_vectors"]),
        "coverage_count": covered.count,
        "coverage_fraction": covered.fraction,
        "novelty": beyond_accuracy.novelty(recorded["popularity"]),
        "index_of_dispersion": beyond_accuracy.index_of_dispersion(recorded["dispersion_input"]),
    }


def _flat(lists: list[list[float]]) -> tuple[Tensor, Tensor]:
    """Give lists as one, (N,) float64, and their offsets (I + 1,)."""
    flat = torch.tensor([value for part in lists for value in part], dtype=torch.float64)
    return flat, torch.from_numpy(np.cumsum([0, *map(len, lists)], dtype=np.int64))


def _number(value: float | None) -> float:
    return float("nan") if value is None else value


def _check_ranks(path: Path, scores: Tensor, offsets: Tensor, expected: list[list[int]]) -> Check:
    found = np.split(ranks(scores, offsets).numpy(), offsets[1:-1].numpy())
    return _exact(path, "ranks", [part.tolist() for part in found], expected)


def _metric(path: Path, what: str, found: Tensor | float, expected: Any) -> Check:
    apart = largest_difference(f"{path}: {what}", found, expected)
    return Check(path.name, what, apart, METRIC)


def _exact(path: Path, what: str, found: list[Any], expected: list[Any]) -> Check:
    """Count the impressions that differ."""
    pairs = zip(found, expected, strict=False)
    off = sum(ours != theirs for ours, theirs in pairs) + abs(len(found) - len(expected))
    return Check(path.name, what, off, 0, f"of {len(expected)} that differ")


CHECKS: dict[frozenset[str], Callable[[Path, Mapping[str, Any]], list[Check]]] = {
    METRICS_KEYS: check_metrics,
    PIPELINE_KEYS: check_pipeline,
}
