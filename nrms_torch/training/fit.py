"""One training, from its configuration to its run folder."""

from collections.abc import Sequence
from pathlib import Path

from hydra.utils import instantiate
from omegaconf import DictConfig

from nrms_torch.training.assemble import for_training, load_module
from nrms_torch.training.checkpoints import require_resumable
from nrms_torch.training.description import describe
from nrms_torch.training.ending import ending_together
from nrms_torch.training.feasible import require_batches, require_feasible
from nrms_torch.training.late import (
    dots_without_popularity,
    fit_late,
    late_settings,
    require_times,
)
from nrms_torch.training.late_alone import fit_late_alone
from nrms_torch.training.measure import measure
from nrms_torch.training.progress import Bar
from nrms_torch.training.repeat import check_origin, compare_weights
from nrms_torch.training.run_folder import RunFolder
from nrms_torch.training.start import choose_run
from nrms_torch.training.trainer import make_trainer
from nrms_torch.training.variants import LATE_ALONE


def fit(config: DictConfig, words: Sequence[str]) -> RunFolder:
    """Fit what `config` says, then measure the best checkpoint on the validation split.

    `words` are the settings that the user gave, which a resumed or repeated run is held to. A dry
    run, `trainer.fast_dev_run`, makes its steps and leaves nothing. Raises InputError for a mistake
    in either, before a run folder is made.
    """
    start = choose_run(config, overrides=words)
    run, config, before = start
    late = late_settings(config.get("late"))
    if config.model.name == LATE_ALONE:
        return fit_late_alone(config, late, run)
    require_feasible(config)
    is_dry = bool(config.trainer.get("fast_dev_run"))
    datamodule, module = for_training(config, start.vocabulary())
    trainer = make_trainer(
        config.trainer,
        callbacks=[Bar()]
        if is_dry
        else [instantiate(each) for each in config.callbacks.values() if each],
        logger=[] if is_dry else [instantiate(each) for each in config.logger.values() if each],
        default_root_dir=config.run,
    )
    origin = check_origin(datamodule, trainer.world_size, before)
    require_resumable(run, module)
    require_batches(
        config.trainer, len(datamodule.train_dataloader()), len(datamodule.val_dataloader())
    )
    datamodule.check(trainer.world_size)
    if trainer.is_global_zero:
        print(datamodule.summary("train"), datamodule.summary("validation"), sep="\n")
    if late is not None:
        require_times(datamodule)
    if is_dry:
        with ending_together(trainer):
            trainer.fit(module, datamodule=datamodule)
        if trainer.is_global_zero:
            print(f"a dry run of {trainer.global_step} steps and a validation: nothing is kept")
        return run
    if trainer.is_global_zero:
        run.begin(config, datamodule.vocabulary, origin)
        describe(trainer.loggers, config, origin)
    with ending_together(trainer, go_on=f"nrms train resume={run.path}"):
        trainer.fit(module, datamodule=datamodule, ckpt_path=run.resume_from())
        stage = None
        if late is not None and trainer.is_global_zero:
            best = load_module(run.best())
            best.table = module.table.cpu()
            stage = fit_late(late, datamodule, dots_without_popularity(best))
            stage.save(run.path)
        measure(
            trainer,
            module,
            datamodule,
            run,
            split="validation",
            checkpoint=run.best(),
            late=stage,
        )
    if config.repeat and trainer.is_global_zero:  # a repetition that was resumed as well
        print(compare_weights(RunFolder(Path(str(config.repeat))), run))
    return run
