"""From a measured run to its report."""

from pathlib import Path

from nrms_torch.data.datamodule import NewsDataModule
from nrms_torch.evaluation.report.page import write_report
from nrms_torch.late.stage import LateStage
from nrms_torch.tracking.curves import read_curves
from nrms_torch.training.diagnose import findings_of
from nrms_torch.training.lightning_module import NRMSModule
from nrms_torch.training.measure import Measured
from nrms_torch.training.run_folder import RunFolder


def report_run(
    module: NRMSModule, datamodule: NewsDataModule, run: RunFolder, measured: Measured
) -> Path:
    """Write the page of a split that `measure` has measured in this process, and give its name.

    Raises InputError where train cannot be read.
    """
    metrics, kept, standing = measured
    assert standing is not None
    split = metrics["split"]
    write_report(
        run.report_file,
        title=run.path.resolve().name,
        split=split,
        datamodule=datamodule,
        scores=kept.scores,
        news=kept.news,
        metrics=metrics,
        standing=standing,
        findings=findings_of(module, datamodule, run, kept, standing, split=split),
        curves=read_curves(run.path),
        calibration=run.calibration(),
        late=LateStage.load(run.path) if "late" in metrics else None,
    )
    return run.report_file
