"""From a run to its diagnosis."""

import math

import lightning as L

from nrms_torch.data.datamodule import NewsDataModule
from nrms_torch.evaluation.diagnosis import Finding, Symptoms, diagnose
from nrms_torch.evaluation.expected import expected_auc
from nrms_torch.evaluation.kept_scores import KeptScores
from nrms_torch.evaluation.standing import Standing, compare
from nrms_torch.evaluation.symptoms import data_symptoms, model_symptoms
from nrms_torch.tracking.curves import read_curves
from nrms_torch.training.lightning_module import NRMSModule
from nrms_torch.training.measure import known_aucs, score_split
from nrms_torch.training.run_folder import RunFolder


def diagnose_run(
    trainer: L.Trainer,
    module: NRMSModule,
    datamodule: NewsDataModule,
    run: RunFolder,
    *,
    split: str,
) -> list[Finding]:
    """Score a labelled split on all processes, and say in process 0 what is found, else nothing.

    Raises InputError where the split has no labels or train cannot be read.
    """
    kept = score_split(trainer, module, datamodule, split)
    if not trainer.is_global_zero:
        return []
    standing = compare(kept.scores, datamodule, split)
    return findings_of(module, datamodule, run, kept, standing, split=split)


def findings_of(
    module: NRMSModule,
    datamodule: NewsDataModule,
    run: RunFolder,
    kept: KeptScores,
    standing: Standing,
    *,
    split: str,
) -> list[Finding]:
    """Say what is found of a split that has been scored already."""
    model, config = module.model.eval().cpu(), datamodule.config
    chance = None
    if module.training_parameters.loss == "cross_entropy_loss":
        chance = math.log(1 + config.npratio)
    return diagnose(
        Symptoms(
            standing=standing,
            curves=read_curves(run.path),
            data=data_symptoms(datamodule, split),
            model=model_symptoms(model, kept.news, datamodule.history_size),
            variant=model.hyper_parameters.variant,
            chance_loss=chance,
            expected=expected_auc(config.format, len(datamodule.impressions("train"))),
            scale=known_aucs(config.folder, split),
        )
    )
