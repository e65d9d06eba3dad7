"""Measure a run: `python scripts/evaluate.py run=RUN split=test data.path=FOLDER`."""

from pathlib import Path

from hydra.utils import instantiate
from omegaconf import DictConfig

from nrms_torch.cli import command
from nrms_torch.training.assemble import for_evaluation
from nrms_torch.training.measure import measure
from nrms_torch.training.run_folder import RunFolder


@command("evaluate")
def main(config: DictConfig) -> None:
    """Score a split with the run's best checkpoint, print the metrics and write them."""
    run = RunFolder.open(config.run)
    datamodule, module = for_evaluation(run, config.data)
    trainer = instantiate(config.trainer, logger=False, enable_checkpointing=False)
    file = Path(config.metrics) if config.metrics else None
    measure(trainer, module, datamodule, run, split=config.split, file=file)


if __name__ == "__main__":
    main()
