"""`nrms diagnose`: say whether a run's number is good, and why not."""

from omegaconf import DictConfig

from nrms_torch.console import plain_console
from nrms_torch.training.assemble import for_evaluation
from nrms_torch.training.diagnose import diagnose_run
from nrms_torch.training.ending import ending_together
from nrms_torch.training.run_folder import RunFolder
from nrms_torch.training.trainer import make_scoring_trainer


def main(config: DictConfig) -> None:
    """Score a split with the run's best checkpoint, and print a sentence for all that is found."""
    run = RunFolder.open(str(config.run))
    datamodule, module = for_evaluation(run, config.data)
    trainer = make_scoring_trainer(config.trainer, run.path)
    with ending_together(trainer):
        findings = diagnose_run(trainer, module, datamodule, run, split=config.split)
    console = plain_console()
    for finding in findings:
        console.print("✓" if finding.is_good else "✗", finding.sentence, highlight=False)
