"""What a user says of the data, and the reader for each public format."""

from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from nrms_torch.data import ebnerd, mind
from nrms_torch.errors import InputError
from nrms_torch.fields import require_integer, require_number

READERS = {"ebnerd": ebnerd, "mind": mind}
_CHOICES = {
    "format": tuple(READERS),
    "sampling": ("each_epoch", "once"),
    "unknown_article": ("zeros", "mean"),
}


@dataclass(frozen=True, kw_only=True)
class DataConfig:
    """Where the data is and how batches are made of it; configs/data/ explains each field.

    Raises InputError, naming the field, for a value outside its range.
    """

    format: str
    path: str
    vectors: str | None = None
    transformer: str | None = None
    text_columns: tuple[str, ...] = ("title",)
    vocabulary_size: int = 30_000
    unknown_article: str = "zeros"
    unknown_share: float = 0.25
    batch_size: int = 32
    npratio: int = 4
    sampling: str = "each_epoch"
    num_workers: int = 0
    cache: str | None = None
    generate: dict[str, Any] | None = None

    def __post_init__(self) -> None:
        for field, choices in _CHOICES.items():
            if (found := getattr(self, field)) not in choices:
                raise InputError(f"data.{field}: {found!r} is none of {', '.join(choices)}")
        if isinstance(self.text_columns, str) or not self.text_columns:
            raise InputError(
                "data.text_columns: expected a list of at least one column, such as [title], "
                f"found {self.text_columns!r}"
            )
        if self.generate is not None and not isinstance(self.generate, dict):
            raise InputError(
                f"data.generate: found {self.generate!r}; expected data.generate.impressions=N, or "
                "data.generate=null"
            )
        least = {"batch_size": 1, "npratio": 1, "vocabulary_size": 1, "num_workers": 0}
        for field, minimum in least.items():
            require_integer(f"data.{field}", getattr(self, field), minimum)
        require_number("data.unknown_share", self.unknown_share, least=0, most=1)

    @property
    def reader(self) -> ModuleType:
        """The module that reads this format's splits and articles."""
        return READERS[self.format]

    @property
    def folder(self) -> Path:
        """The data folder."""
        return Path(str(self.path))
