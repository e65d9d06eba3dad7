"""`nrms train`: train a model."""

from omegaconf import DictConfig

from nrms_torch.training.fit import fit


def main(config: DictConfig, words: list[str]) -> None:
    """Fit, then measure the best checkpoint on the validation split."""
    fit(config, words)
