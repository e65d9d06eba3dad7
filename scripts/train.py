"""Train a model: `python scripts/train.py data=demo model=nrms_docvec trainer.devices=2`."""

import lightning as L
from hydra.utils import instantiate
from omegaconf import DictConfig

from nrms_torch.cli import command
from nrms_torch.training.assemble import for_training
from nrms_torch.training.measure import measure
from nrms_torch.training.run_folder import choose_run


@command("train")
def main(config: DictConfig) -> None:
    """Fit, then measure the best checkpoint on the validation split."""
    run = choose_run(config)
    config.run = str(run.path)
    L.seed_everything(config.seed, verbose=False)
    datamodule, module = for_training(config, run.vocabulary())
    datamodule.check()
    run.begin(config, datamodule.vocabulary)
    trainer = instantiate(
        config.trainer,
        callbacks=list(instantiate(config.callbacks).values()),
        logger=list(instantiate(config.logger).values()),
        default_root_dir=config.run,
    )
    resume_from = run.last_checkpoint if config.resume and run.last_checkpoint.is_file() else None
    trainer.fit(module, datamodule=datamodule, ckpt_path=resume_from)
    measure(trainer, module, datamodule, run, split="validation", checkpoint=run.best_checkpoint)


if __name__ == "__main__":
    main()
