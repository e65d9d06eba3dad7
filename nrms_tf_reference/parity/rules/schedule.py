"""What watches the validation AUC: the learning rate, early stopping, the best checkpoint."""

from typing import Any

from lightning.pytorch.callbacks import ModelCheckpoint

from nrms_tf_reference.parity.rules.rule import Patch, Rule, around
from nrms_torch.training.callbacks import ResumableEarlyStopping
from nrms_torch.training.lightning_module import NRMSModule

_TEST = "tests/training/test_schedule.py::"
_PLATEAU = _TEST + "test_the_learning_rate_falls_where_kerass_would"
_STOPS = _TEST + "test_training_stops_after_four_epochs_without_a_better_auc"
_BEST = _TEST + "test_the_best_checkpoint_is_of_the_highest_auc"


def _plateau(**changed: Any) -> Patch:
    """Make the plateau schedule with other settings."""

    def broken(real: Any, self: NRMSModule) -> Any:
        made = real(self)
        schedule = made["lr_scheduler"]["scheduler"]
        for name, value in changed.items():
            assert hasattr(schedule, name)
            setattr(schedule, name, value)
        return made

    return around(NRMSModule, "configure_optimizers", broken)


def _made_with(callback: type, **changed: Any) -> Patch:
    """Make a callback with other settings than configured."""
    return around(
        callback, "__init__", lambda real, self, **options: real(self, **(options | changed))
    )


SCHEDULE = (
    Rule(
        "The learning rate falls at the second epoch without a better AUC",
        "Keras' patience; torch's counts one more",
        "at the third",
        _PLATEAU,
        (_plateau(patience=2),),
    ),
    Rule(
        "It falls to a fifth",
        "the benchmark's factor",
        "to a tenth, torch's default",
        _PLATEAU,
        (_plateau(factor=0.1),),
    ),
    Rule(
        "It never falls under 1e-6",
        "the benchmark's minimum",
        "no minimum",
        _PLATEAU,
        (_plateau(min_lrs=[0.0]),),
    ),
    Rule(
        "Better by 1e-4 or less is no better",
        "Keras' min_delta is absolute, torch's threshold relative",
        "relative",
        _PLATEAU,
        (_plateau(threshold_mode="rel"),),
    ),
    Rule(
        "A higher AUC is better for the plateau",
        "torch's default is the lowest",
        "the lowest",
        _PLATEAU,
        (_plateau(mode="min"),),
    ),
    Rule(
        "Early stopping waits four epochs",
        "the benchmark's patience",
        "three, Lightning's default",
        _STOPS,
        (_made_with(ResumableEarlyStopping, patience=3),),
    ),
    Rule(
        "Early stopping is for the highest AUC",
        "the course project stopped on the highest loss",
        "the lowest",
        _STOPS,
        (_made_with(ResumableEarlyStopping, mode="min"),),
    ),
    Rule(
        "The best checkpoint is of the highest AUC",
        "Keras restores the best weights",
        "of the lowest",
        _BEST,
        (_made_with(ModelCheckpoint, mode="min"),),
    ),
)
