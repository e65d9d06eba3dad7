"""Two versions of a data set, compared feature by feature."""

from omegaconf import DictConfig

from nrms_torch.data.config import DataConfig
from nrms_torch.data.quality.drift import Drift, compare
from nrms_torch.data.quality.features import article_features, articles_of, impression_features
from nrms_torch.data.remote import local_copy


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
