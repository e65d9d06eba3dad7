"""`nrms import-weights`: take over what Keras trained."""

from omegaconf import DictConfig

from nrms_torch.keras_weights.import_run import import_weights


def main(config: DictConfig) -> None:
    """Make a run folder of a file of weights."""
    run = import_weights(config)
    print(f"{config.weights} imported into {run.path}")
