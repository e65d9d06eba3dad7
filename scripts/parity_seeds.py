"""Compare AUCs with live TensorFlow, dropout on: `python scripts/parity_seeds.py data.path=…`."""

from pathlib import Path

from omegaconf import DictConfig

from nrms_tf_reference.parity.live_reference import require_tensorflow
from nrms_tf_reference.parity.seeds import SeedRun, run_seeds
from nrms_tf_reference.parity.seeds_report import print_seeds
from nrms_torch.commands.main import command
from nrms_torch.files import require_writable


@command("parity_seeds")
def main(config: DictConfig) -> None:
    """Train both sides on each seed, telling of each; print the means and the test."""
    require_tensorflow()
    file = Path(str(config.output))
    require_writable(file)
    print_seeds(run_seeds(config, file, _tell))
    print(f"written to {file}")


def _tell(run: SeedRun) -> None:
    aucs = " ".join(f"{auc:.4f}" for auc in run.aucs)
    print(f"{run.side}, seed {run.seed}: AUC by epoch {aucs}, {run.seconds:.0f} s", flush=True)


if __name__ == "__main__":
    main()
