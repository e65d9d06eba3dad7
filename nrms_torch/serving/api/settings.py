"""What a server is told at its start; configs/serve.yaml has the defaults."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from nrms_torch.errors import InputError


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
    threads: int = Field(1, ge=1)  # inside one call of the model


def read_settings(values: Mapping[str, Any]) -> Settings:
    """Make settings of a configuration; InputError names the wrong one."""
    if values.get("bundle") is None:
        raise InputError("bundle: missing; expected the folder that nrms export has written")
    try:
        return Settings.model_validate(dict(values))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise InputError(f"{first['loc'][0]}: {first['msg']}") from error
