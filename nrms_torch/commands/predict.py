"""`nrms predict`: rank a split's candidates."""

from pathlib import Path

from omegaconf import DictConfig

from nrms_torch.evaluation.prediction import PredictionWriter
from nrms_torch.training.assemble import for_evaluation
from nrms_torch.training.ending import ending_together
from nrms_torch.training.run_folder import RunFolder
from nrms_torch.training.trainer import make_scoring_trainer


def main(config: DictConfig) -> None:
    """Score a split with the run's best checkpoint, and write a submission or a table."""
    writer = PredictionWriter(Path(str(config.output)))
    run = RunFolder.open(str(config.run))
    datamodule, module = for_evaluation(run, config.data)
    datamodule.predicted_split = config.split
    impressions = datamodule.impressions(config.split)
    trainer = make_scoring_trainer(config.trainer, run.path, writer)
    with ending_together(trainer):
        trainer.predict(module, datamodule=datamodule, return_predictions=False)
    if trainer.is_global_zero:
        writer.join(impressions, datamodule.config.format)
        print(
            f"{len(impressions)} impressions, {len(impressions.candidates)} candidates ranked in "
            f"{writer.output}; {impressions.unknown_articles} unknown articles"
        )
