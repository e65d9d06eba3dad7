"""`nrms predict`: rank a split's candidates."""

import hashlib
from pathlib import Path
from uuid import uuid4

import lightning as L
from omegaconf import DictConfig

from nrms_torch.data.datamodule import NewsDataModule
from nrms_torch.errors import InputError
from nrms_torch.evaluation.prediction import PredictionWriter
from nrms_torch.files import file_sha256
from nrms_torch.late.stage import LateStage
from nrms_torch.training.assemble import for_evaluation
from nrms_torch.training.ending import ending_together
from nrms_torch.training.late import LateScores
from nrms_torch.training.late_alone import NoText, late_datamodule
from nrms_torch.training.origin import describe_origin
from nrms_torch.training.run_folder import RunFolder
from nrms_torch.training.trainer import make_scoring_trainer
from nrms_torch.training.variants import LATE_ALONE


def main(config: DictConfig) -> None:
    """Score a split with the run's best checkpoint, and write a submission or a table."""
    writer = PredictionWriter(Path(str(config.output)))
    run = RunFolder.open(str(config.run))
    datamodule: NewsDataModule
    module: L.LightningModule
    if run.config().model.name == LATE_ALONE:
        if config.text_alone:
            raise InputError(f"text_alone: {run.path} has no text, only late features")
        datamodule, module = late_datamodule(run, config.data), NoText()
    else:
        datamodule, module = for_evaluation(run, config.data)
    datamodule.predicted_split = config.split
    impressions = datamodule.impressions(config.split)
    stage = LateStage.load(run.path) if not config.text_alone else None
    if stage is None:
        writer.made_of = {
            "checkpoint": file_sha256(run.best()),
            "impressions": impressions.fingerprint,
            "articles": hashlib.sha256(datamodule.table.features.tobytes()).hexdigest(),
            "precision": config.trainer.precision,
            "code": describe_origin()["code"]["source"],
        }
    else:
        # Whose features are of other splits too: parts of another process are not gone on from.
        writer.made_of = {"process": uuid4().hex}
        writer.rescore = LateScores(stage, datamodule, config.split).of
    trainer = make_scoring_trainer(config.trainer, run.path, writer)
    with ending_together(trainer):
        trainer.predict(module, datamodule=datamodule, return_predictions=False)
    if trainer.is_global_zero:
        writer.join(impressions, datamodule.config.format)
        used = "" if stage is None else f", with late features of the rule {stage.settings.rule}"
        print(
            f"{len(impressions)} impressions, {len(impressions.candidates)} candidates ranked in "
            f"{writer.output}{used}; {impressions.unknown_articles} unknown articles"
        )
