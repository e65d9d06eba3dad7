"""What a variant's own value is, where the configuration leaves a field null.

One place, so that `model.variant=baseline` alone gives the TensorFlow baseline's settings, and
`model.variant=standard` those that docs/ablation.md chose.
"""

from dataclasses import MISSING, fields
from typing import Any

from omegaconf import DictConfig, open_dict

from nrms_torch.model.hyper_parameters import model_kind

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


def resolve_variant(config: DictConfig) -> None:
    """Fill every null of `model`, `data` and `training` that the variant decides, in place.

    A field that the other variant alone has is dropped where it is null. Raises InputError for an
    unknown model or variant.
    """
    model = config.model
    kind = model_kind(model.get("name"), model.get("variant"))
    own = {field.name: field.default for field in fields(kind) if field.default is not MISSING}
    with open_dict(config):
        for field in [name for name, value in model.items() if value is None]:
            if field in own:
                default = own[field]
                model[field] = list(default) if isinstance(default, tuple) else default
            else:
                del model[field]
        for section, values in _TRAINING[kind.variant].items():
            for field, value in values.items():
                if config[section].get(field) is None:
                    config[section][field] = value
