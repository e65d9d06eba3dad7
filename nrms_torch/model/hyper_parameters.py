"""The hyper-parameters of both models, checked when they are made."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, get_args

from nrms_torch.errors import InputError
from nrms_torch.fields import from_fields, require_integer, require_number

Variant = Literal["baseline", "standard"]


@dataclass(frozen=True, kw_only=True)
class HyperParameters:
    """What NRMS and NRMSDocVec share; the names are the TensorFlow baseline's.

    Raises InputError, naming the field, for a value that no model can have.
    """

    variant: Variant = "baseline"
    history_size: int = 20
    head_num: int
    head_dim: int
    attention_hidden_dim: int = 200
    dropout: float = 0.2
    newsencoder_units_per_layer: tuple[int, ...] = ()
    newsencoder_l2_regularization: float = 1e-4

    @property
    def vector_size(self) -> int:
        """D, the width of an article vector and of a user vector."""
        return self.head_num * self.head_dim

    def __post_init__(self) -> None:
        if self.variant not in get_args(Variant):
            raise InputError(f"model.variant: {self.variant!r} is none of {get_args(Variant)}")
        for field in fields(self):
            if field.type is int:
                # pad_token alone may be 0: it is an id, not a size.
                least = 0 if field.name == "pad_token" else 1
                require_integer(f"model.{field.name}", getattr(self, field.name), least)
        units = self.newsencoder_units_per_layer or ()
        if isinstance(units, str) or not isinstance(units, Iterable):
            raise InputError(
                f"model.newsencoder_units_per_layer: expected a list of integers, found {units!r}"
            )
        for size in units:
            require_integer("model.newsencoder_units_per_layer", size, 1)
        object.__setattr__(self, "newsencoder_units_per_layer", tuple(units))
        require_number("model.dropout", self.dropout, least=0, below=1)
        require_number(
            "model.newsencoder_l2_regularization", self.newsencoder_l2_regularization, least=0
        )


@dataclass(frozen=True, kw_only=True)
class NRMSHyperParameters(HyperParameters):
    """NRMS on token titles: V = vocabulary_size, E = embedding_size, T = title_size.

    `pad_token` is the token id that fills short titles; the standard variant masks it.
    """

    head_num: int = 20
    head_dim: int = 20
    title_size: int = 30
    vocabulary_size: int
    embedding_size: int
    pad_token: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        units = self.newsencoder_units_per_layer
        if units and units[-1] != self.vector_size:
            raise InputError(
                f"model.newsencoder_units_per_layer: the last entry must equal head_num * head_dim "
                f"= {self.vector_size}, found {units[-1]}"
            )


@dataclass(frozen=True, kw_only=True)
class NRMSDocVecHyperParameters(HyperParameters):
    """NRMSDocVec on document vectors of width W = document_vector_size."""

    head_num: int = 16
    head_dim: int = 16
    newsencoder_units_per_layer: tuple[int, ...] = (512, 512, 512)
    document_vector_size: int


_MODELS: dict[str, type[HyperParameters]] = {
    "nrms": NRMSHyperParameters,
    "nrms_docvec": NRMSDocVecHyperParameters,
}


def from_mapping(values: Mapping[str, Any]) -> HyperParameters:
    """Make hyper-parameters from a mapping whose `name` is `nrms` or `nrms_docvec`.

    Raises InputError for an unknown model or an unknown, missing or impossible field.
    """
    given = dict(values)
    name = given.pop("name", None)
    if name not in _MODELS:
        raise InputError(f"model.name: {name!r} is none of {', '.join(_MODELS)}")
    return from_fields(_MODELS[name], "model", given)


def to_mapping(hyper_parameters: HyperParameters) -> dict[str, Any]:
    """Give what `from_mapping` takes: plain values, with the model's `name`."""
    (name,) = (key for key, kind in _MODELS.items() if type(hyper_parameters) is kind)
    values = asdict(hyper_parameters)
    values["newsencoder_units_per_layer"] = list(hyper_parameters.newsencoder_units_per_layer)
    return {"name": name, **values}
