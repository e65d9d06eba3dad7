"""What a variant's own value is, where the configuration leaves a field null.

One place, so that `model.variant=baseline` alone gives the TensorFlow baseline's settings, and
`model.variant=standard` those that docs/ablation.md chose.
"""

from dataclasses import MISSING, fields
from typing import Any

from omegaconf import DictConfig, open_dict

from nrms_torch.model.hyper_parameters import HyperParameters, model_kind
from nrms_torch.training.processes import is_process_zero

# Of the model's own fields the defaults are those of its hyper-parameters.
_TRAINING: dict[str, dict[str, dict[str, Any]]] = {
    "baseline": {
        "data": {"batch_size": 32, "npratio": 4},
        "training": {"learning_rate": 1e-4, "weight_decay": 0.0},
    },
    "standard": {
        "data": {"batch_size": 64, "npratio": 20},
        "training": {"learning_rate": 3e-4, "weight_decay": 0.01},
    },
}


LATE_ALONE = "late"  # the model that is none: late features alone


def resolve_variant(config: DictConfig) -> None:
    """Fill every null of `model`, `data` and `training` that the variant decides, in place.

    Without a variant it is standard, or baseline where a field of that alone is given, which is
    told in a line. A field that the other variant alone has is dropped where it is null. Raises
    InputError for an unknown model or variant.
    """
    model = config.model
    if model.get("name") == LATE_ALONE:
        return
    with open_dict(config):
        if model.get("variant") is None:
            model.variant = _variant_of(model)
        kind = model_kind(model.get("name"), model.variant)
        own = {field.name: field.default for field in fields(kind) if field.default is not MISSING}
        for field in [name for name, value in model.items() if value is None]:
            if field in own:
                default = own[field]
                model[field] = list(default) if isinstance(default, tuple) else default
            else:
                del model[field]
        for section, values in _TRAINING[kind.variant].items():
            if section not in config:  # a command that does not train
                continue
            for field, value in values.items():
                if config[section].get(field) is None:
                    config[section][field] = value


def _variant_of(model: DictConfig) -> str:
    given = {str(field) for field, value in model.items() if value is not None}
    standard, baseline = (
        _fields(model_kind(model.get("name"), variant)) for variant in ("standard", "baseline")
    )
    if not (named := sorted(given & baseline - standard)):
        return "standard"
    if is_process_zero():
        print(f"model.variant: baseline, since model.{named[0]} is a setting of it alone")
    return "baseline"


def _fields(kind: type[HyperParameters]) -> set[str]:
    return {field.name for field in fields(kind)}
