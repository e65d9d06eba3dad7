"""The hyper-parameters of both models in both variants, checked when they are made."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, ClassVar

from nrms_torch.errors import InputError
from nrms_torch.fields import from_fields, require_integer, require_number

VARIANTS = ("standard", "baseline")


@dataclass(frozen=True, kw_only=True)
class HyperParameters:
    """What all models share; the names are the TensorFlow baseline's.

    Raises InputError, naming the field, for a value that no model can have.
    """

    name: ClassVar[str]
    variant: ClassVar[str]

    history_size: int
    head_num: int
    head_dim: int
    attention_hidden_dim: int

    @property
    def vector_size(self) -> int:
        """D, the width of an article vector and of a user vector."""
        raise NotImplementedError

    @property
    def reads_titles(self) -> bool:
        """Whether the model reads title tokens (NRMS), not document vectors (NRMSDocVec)."""
        return self.name == "nrms"

    def __post_init__(self) -> None:
        for field in fields(self):
            if field.type is int:
                # pad_token alone may be 0: it is an id, not a size.
                least = 0 if field.name == "pad_token" else 1
                require_integer(f"model.{field.name}", getattr(self, field.name), least)


@dataclass(frozen=True, kw_only=True)
class BaselineHyperParameters(HyperParameters):
    """What the TensorFlow baseline's two models share; the defaults are its own."""

    variant = "baseline"

    history_size: int = 20
    attention_hidden_dim: int = 200
    dropout: float = 0.2
    newsencoder_units_per_layer: tuple[int, ...] = ()
    newsencoder_l2_regularization: float = 1e-4

    @property
    def vector_size(self) -> int:
        """D = head_num * head_dim."""
        return self.head_num * self.head_dim

    def __post_init__(self) -> None:
        super().__post_init__()
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
class NRMSHyperParameters(BaselineHyperParameters):
    """NRMS on token titles: V = vocabulary_size, E = embedding_size, T = title_size.

    `pad_token` is the token id that fills short titles.
    """

    name = "nrms"

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
class NRMSDocVecHyperParameters(BaselineHyperParameters):
    """NRMSDocVec on document vectors of width W = document_vector_size."""

    name = "nrms_docvec"

    head_num: int = 16
    head_dim: int = 16
    newsencoder_units_per_layer: tuple[int, ...] = (512, 512, 512)
    document_vector_size: int


@dataclass(frozen=True, kw_only=True)
class StandardHyperParameters(HyperParameters):
    """What the standard variant's two models share; docs/ablation.md has how they were chosen.

    `categories` are the names of the K article categories that train with a weight of their own.
    """

    variant = "standard"

    history_size: int = 50
    head_num: int = 4
    head_dim: int = 16
    attention_hidden_dim: int = 64
    categories: tuple[str, ...] = ()

    @property
    def content_size(self) -> int:
        """W, the width of what an article vector has of the text."""
        raise NotImplementedError

    @property
    def vector_size(self) -> int:
        """D = W + K + 1: content, category and popularity."""
        return self.content_size + len(self.categories) + 1

    def __post_init__(self) -> None:
        super().__post_init__()
        if isinstance(self.categories, str) or not all(isinstance(n, str) for n in self.categories):
            raise InputError(
                f"model.categories: expected a list of names, found {self.categories!r}"
            )
        object.__setattr__(self, "categories", tuple(self.categories))


@dataclass(frozen=True, kw_only=True)
class StandardNRMSHyperParameters(StandardHyperParameters):
    """NRMS on token titles: V = vocabulary_size, E = embedding_size, T = title_size.

    `pad_token` is the token id that fills short titles, which is masked.
    """

    name = "nrms"

    title_size: int = 30
    vocabulary_size: int
    embedding_size: int
    pad_token: int = 0

    @property
    def content_size(self) -> int:
        """E, the width of a word vector."""
        return self.embedding_size


@dataclass(frozen=True, kw_only=True)
class StandardNRMSDocVecHyperParameters(StandardHyperParameters):
    """NRMSDocVec on document vectors of width W = document_vector_size."""

    name = "nrms_docvec"

    document_vector_size: int

    @property
    def content_size(self) -> int:
        """W, the width of a document vector."""
        return self.document_vector_size


_MODELS: dict[tuple[str, str], type[HyperParameters]] = {
    (kind.name, kind.variant): kind
    for kind in (
        NRMSHyperParameters,
        NRMSDocVecHyperParameters,
        StandardNRMSHyperParameters,
        StandardNRMSDocVecHyperParameters,
    )
}


def model_kind(name: object, variant: object) -> type[HyperParameters]:
    """Give the hyper-parameters' class of a model in a variant; InputError for an unknown one."""
    names = sorted({known for known, _ in _MODELS})
    if name not in names:
        raise InputError(f"model.name: {name!r} is none of {', '.join(names)}")
    if variant not in VARIANTS:
        raise InputError(f"model.variant: {variant!r} is none of {', '.join(VARIANTS)}")
    return _MODELS[str(name), str(variant)]


def from_mapping(values: Mapping[str, Any]) -> HyperParameters:
    """Make hyper-parameters from a mapping whose `name` is `nrms` or `nrms_docvec`.

    Without a `variant` they are the baseline's, as recordings of it and older runs say none.
    Raises InputError for an unknown model or an unknown, missing or impossible field.
    """
    given = dict(values)
    kind = model_kind(given.pop("name", None), given.pop("variant", "baseline"))
    return from_fields(kind, "model", given)


def to_mapping(hyper_parameters: HyperParameters) -> dict[str, Any]:
    """Give what `from_mapping` takes: plain values, with the model's `name` and `variant`."""
    values = {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in asdict(hyper_parameters).items()
    }
    return {"name": hyper_parameters.name, "variant": hyper_parameters.variant, **values}
