"""Export a run as a bundle to serve: `python scripts/export_onnx.py run=RUN bundle=FOLDER`."""

from pathlib import Path

from omegaconf import DictConfig

from nrms_torch.cli import command
from nrms_torch.export.bundle import export_run
from nrms_torch.training.run_folder import RunFolder


@command("export_onnx")
def main(config: DictConfig) -> None:
    """Write the bundle of the run's best checkpoint, once it is found to agree with torch."""
    run = RunFolder.open(str(config.run))
    folder = Path(str(config.bundle)) if config.bundle else run.path / "bundle"
    agreement = export_run(run, folder, config.data)
    print(
        f"{folder}: agrees with torch on {agreement.candidates:,} candidates, scores to "
        f"{agreement.difference:.1e}, ranks but for {agreement.moved} between scores closer than "
        f"{agreement.tolerance:.1e}"
    )


if __name__ == "__main__":
    main()
