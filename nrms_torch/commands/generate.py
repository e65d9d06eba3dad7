"""`nrms generate`: generate data with a known answer."""

from pathlib import Path

from omegaconf import DictConfig

from nrms_torch.data.demo.generate import generate


def main(config: DictConfig) -> None:
    """Write the data set and print the scale on which a trained model stands."""
    truth = generate(Path(config.path), impressions=config.impressions, seed=config.seed)
    print(f"{config.path}: {truth['articles']:,} articles, {truth['readers']:,} readers")
    for name, split in truth["splits"].items():
        scores = ", ".join(f"{scorer} {auc:.3f}" for scorer, auc in split["auc"].items())
        print(f"{name}: {split['impressions']:,} impressions, AUC of {scores}")
