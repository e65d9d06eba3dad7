"""`nrms evaluate`: measure a run."""

from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from nrms_torch.configuration import plain
from nrms_torch.errors import InputError
from nrms_torch.files import require_writable
from nrms_torch.late.stage import LateStage
from nrms_torch.training.assemble import for_evaluation
from nrms_torch.training.ending import ending_together
from nrms_torch.training.late_alone import measure_late_alone
from nrms_torch.training.measure import measure
from nrms_torch.training.report import report_run
from nrms_torch.training.run_folder import RunFolder
from nrms_torch.training.trainer import make_scoring_trainer
from nrms_torch.training.variants import LATE_ALONE


def main(config: DictConfig) -> dict[str, Any]:
    """Score a split with the run's best checkpoint, print the metrics, write and give them."""
    run = RunFolder.open(str(config.run))
    file = Path(config.metrics) if config.metrics else run.metrics_file
    require_writable(file)
    if run.config().model.name == LATE_ALONE:
        if config.report or config.beyond_accuracy or config.text_alone:
            raise InputError(
                f"run: {run.path} has no text; expected neither report, beyond_accuracy nor "
                "text_alone"
            )
        return measure_late_alone(run, config.data, split=config.split, file=file)
    late = LateStage.load(run.path) if not config.text_alone else None
    datamodule, module = for_evaluation(run, config.data)
    trainer = make_scoring_trainer(config.trainer, run.path)
    with ending_together(trainer):
        measured = measure(
            trainer,
            module,
            datamodule,
            run,
            split=config.split,
            file=file,
            beyond_accuracy=config.beyond_accuracy,
            is_own_data=not any(plain(config.data).values()) and not config.text_alone,
            late=late,
        )
    if config.report and trainer.is_global_zero:
        print(f"written to {report_run(module, datamodule, run, measured)}")
    return measured.metrics
