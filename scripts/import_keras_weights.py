"""Take over what Keras trained: `python scripts/import_keras_weights.py weights=F output=RUN`."""

from omegaconf import DictConfig

from nrms_torch.cli import command
from nrms_torch.training.import_weights import import_weights


@command("import_keras_weights")
def main(config: DictConfig) -> None:
    """Make a run folder of a file of weights."""
    run = import_weights(config)
    print(f"{config.weights} imported into {run.path}")


if __name__ == "__main__":
    main()
