"""What a server is told at its start; configs/serve.yaml has the defaults."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator

from nrms_torch.errors import InputError

_ORIGIN = re.compile(r"https?://[^/?#\s]+")


class Settings(BaseModel):
    """The settings of a server; a MiB is 2^20 bytes."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    bundle: Path
    host: str = "127.0.0.1"
    port: int = Field(8000, ge=0, le=65_535)
    api_key: SecretStr | None = Field(None, min_length=1)
    max_waiting: int = Field(64, ge=1)  # requests at a time; one more is answered 503
    max_json_mib: int = Field(4, ge=1)
    max_upload_mib: int = Field(64, ge=1)
    max_connections: int = Field(512, ge=1)  # for one more the oldest idle one is closed
    max_added: int = Field(100_000, ge=0)  # articles beyond the bundle's; one more is a 507
    root_path: str = Field("", pattern=r"^(/[\w.~-]+)*$")  # where a proxy has the server
    origins: list[str] = []  # other sites whose pages may ask
    threads: int = Field(1, ge=1)  # inside one call of the model

    @field_validator("origins", mode="before")
    @classmethod
    def _of_text(cls, origins: object) -> object:
        """Split the text that an environment has."""
        return origins.replace(",", " ").split() if isinstance(origins, str) else origins

    @field_validator("origins")
    @classmethod
    def _are_origins(cls, origins: list[str]) -> list[str]:
        for origin in origins:
            if origin != "*" and not _ORIGIN.fullmatch(origin):
                raise ValueError(f"found {origin!r}; expected such as https://news.example, or *")
        return origins


def read_settings(values: Mapping[str, Any]) -> Settings:
    """Make settings of a configuration; InputError names the wrong one."""
    if values.get("bundle") is None:
        raise InputError("bundle: missing; expected the folder that nrms export has written")
    try:
        return Settings.model_validate(dict(values))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise InputError(f"{first['loc'][0]}: {first['msg']}") from error
