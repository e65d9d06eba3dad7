"""How far a data set has drifted from another: two samples of each feature, compared."""

from dataclasses import dataclass
from importlib.util import find_spec
from itertools import pairwise

import numpy as np
import polars as pl
from omegaconf import DictConfig

from nrms_torch.data.config import DataConfig
from nrms_torch.data.quality.features import article_features, articles_of, impression_features
from nrms_torch.data.remote import local_copy
from nrms_torch.errors import InputError

_BINS = 10  # deciles of the reference
_OTHER = "other"
_MISSING = "none"
_RARE = 0.01  # of both samples together: rarer categories count as one


@dataclass(frozen=True)
class Drift:
    """One feature in two samples.

    `psi` is the population stability index Σ(q - p) ln(q / p) over the bins `labels`, of which
    `reference` p and `current` q are the shares; `statistic` and `p_value` are Kolmogorov's and
    Smirnov's for numbers, χ² over its greatest possible value (Cramér's V²) for categories. It has
    `drifted` where it is both large and no accident: PSI alone is large in small samples, and in
    large ones any difference is significant.
    """

    feature: str
    labels: list[str]
    reference: list[float]
    current: list[float]
    psi: float
    statistic: float
    p_value: float
    drifted: bool


def compare_versions(config: DictConfig) -> dict[str, list[Drift]]:
    """Compare the impressions, and the articles where both have some; configs/data_drift.yaml.

    Raises InputError where one of them cannot be read, or has nothing of the other's kind.
    """
    versions = [
        local_copy(DataConfig(format=config.format, path=str(path)))
        for path in (config.reference, config.current)
    ]
    splits = (str(config.split), str(config.current_split))
    articles = [articles_of(version) for version in versions]
    impressions = [
        impression_features(version, split, table, config.rows)
        for version, split, table in zip(versions, splits, articles, strict=True)
    ]
    limits = {"threshold": config.threshold, "significance": config.significance}
    found = {"impressions": compare(*impressions, **limits)}
    if (old := articles[0]) is not None and (new := articles[1]) is not None:
        found["articles"] = compare(article_features(old), article_features(new), **limits)
    return found


def compare(
    reference: pl.DataFrame, current: pl.DataFrame, *, threshold: float, significance: float
) -> list[Drift]:
    """Compare the features that both samples have, the one that drifted most first.

    A feature has drifted where its PSI is at least `threshold` and its p-value is below
    `significance`. Raises InputError where there is nothing to compare, or no scipy.
    """
    if find_spec("scipy") is None:
        raise InputError("drift: scipy is not installed; expected pip install 'nrms-torch[data]'")
    both = [name for name in reference.columns if name in current.columns]
    both = [name for name in both if reference[name].count() and current[name].count()]
    if not both:
        raise InputError("reference, current: have no feature in common that has any value")
    found = [_compare(reference[name], current[name], threshold, significance) for name in both]
    return sorted(found, key=lambda drift: -drift.psi)


def _compare(old: pl.Series, new: pl.Series, threshold: float, significance: float) -> Drift:
    from scipy import stats

    labels, counts = _numbers(old, new) if old.dtype.is_numeric() else _categories(old, new)
    if old.dtype.is_numeric():
        test = stats.ks_2samp(old.drop_nulls().to_numpy(), new.drop_nulls().to_numpy())
        statistic, p_value = float(test.statistic), float(test.pvalue)
    elif len(labels) < 2:
        statistic, p_value = 0.0, 1.0
    else:
        test = stats.chi2_contingency(counts)
        statistic, p_value = float(test.statistic / counts.sum()), float(test.pvalue)
    # Half an observation more in each bin, or an empty one would make the index infinite.
    shares = (counts + 0.5) / (counts + 0.5).sum(axis=1, keepdims=True)
    psi = float(((shares[1] - shares[0]) * np.log(shares[1] / shares[0])).sum())
    observed = counts / counts.sum(axis=1, keepdims=True)
    return Drift(
        feature=old.name,
        labels=labels,
        reference=observed[0].tolist(),
        current=observed[1].tolist(),
        psi=psi,
        statistic=statistic,
        p_value=p_value,
        drifted=psi >= threshold and p_value < significance,
    )


def _numbers(old: pl.Series, new: pl.Series) -> tuple[list[str], np.ndarray]:
    """Count numbers by the deciles of the old ones; by value where there are few."""
    samples = [each.drop_nulls().to_numpy().astype(np.float64) for each in (old, new)]
    values = np.unique(np.concatenate(samples))
    if len(values) <= 2 * _BINS:
        labels = [f"{value:g}" for value in values]
        return labels, np.array([(sample == values[:, None]).sum(axis=1) for sample in samples])
    edges = np.unique(np.quantile(samples[0], np.linspace(0, 1, _BINS + 1)[1:-1]))
    bins = [np.searchsorted(edges, sample, side="left") for sample in samples]
    ends = [f"{edge:g}" for edge in edges]
    labels = [f"≤ {ends[0]}", *(f"{low} – {high}" for low, high in pairwise(ends)), f"> {ends[-1]}"]
    return labels, np.array([np.bincount(each, minlength=len(labels)) for each in bins])


def _categories(old: pl.Series, new: pl.Series) -> tuple[list[str], np.ndarray]:
    """Count categories, those that are rare in both samples together as one."""
    samples = [each.cast(pl.String).fill_null(_MISSING) for each in (old, new)]
    together = pl.concat(samples)
    totals = together.value_counts(sort=True, name="number")
    common = totals.filter(pl.col("number") >= _RARE * len(together))[old.name].to_list()
    counts = [
        [int((sample == label).sum()) for label in common] + [int((~sample.is_in(common)).sum())]
        for sample in samples
    ]
    table = np.array(counts)
    kept = table.sum(axis=0) > 0
    labels = [label for label, keep in zip([*common, _OTHER], kept, strict=True) if keep]
    return labels, table[:, kept]
