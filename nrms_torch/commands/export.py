"""`nrms export`: export a run as a bundle to serve."""

import sys
from dataclasses import fields
from pathlib import Path

from omegaconf import DictConfig

from nrms_torch.errors import InputError
from nrms_torch.export.bundle import export_run
from nrms_torch.export.quantize import Measures
from nrms_torch.tracking.registry import log_bundle
from nrms_torch.tracking.wandb_run import TrackedRun
from nrms_torch.training.run_folder import RunFolder


def main(config: DictConfig) -> None:
    """Write the bundle of the run's best checkpoint, once it is found to agree with torch.

    It is logged to the W&B run that trained it, where there is one and W&B can be had.
    """
    run = RunFolder.open(str(config.run))
    folder = Path(str(config.bundle)) if config.bundle else run.path / "bundle"
    exported = export_run(
        run, folder, config.data, quantize=config.quantize, readers=config.readers
    )
    agreement = exported.agreement
    print(
        f"{folder}: agrees with torch on {agreement.candidates:,} candidates, scores to "
        f"{agreement.difference:.1e}, ranks but for {agreement.moved} between scores closer than "
        f"{agreement.tolerance:.1e}"
    )
    if exported.float32 and exported.int8:
        print(f"{'':24}{'float32':>10}{'int8':>10}")
        for field in fields(Measures):
            before, after = (
                getattr(each, field.name) for each in (exported.float32, exported.int8)
            )
            print(f"{field.name.replace('_', ' '):24}{before:10.4f}{after:10.4f}")
    if TrackedRun.of(run.path):
        _log(run, folder)


def _log(run: RunFolder, bundle: Path) -> None:
    try:
        print(f"W&B: logged as {log_bundle(run, bundle)}")
    except InputError as error:  # the bundle, which is what was asked for, is written
        print(f"{bundle}: written, but not logged: {error}", file=sys.stderr)
