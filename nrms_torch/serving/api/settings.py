"""What a server is told at its start: `name=value` arguments, or NRMS_NAME in the environment."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from nrms_torch.errors import InputError

_PREFIX = "NRMS_"


class Settings(BaseModel):
    """The settings of a server; a MiB is 2^20 bytes."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    bundle: Path
    host: str = "127.0.0.1"
    port: int = Field(8000, ge=0, le=65_535)
    # Read from the environment rather than from a command line, which other users can see.
    api_key: SecretStr | None = Field(None, min_length=1)
    max_waiting: int = Field(64, ge=1)  # requests at a time; one more is answered 503
    max_json_mib: int = Field(4, ge=1)
    max_upload_mib: int = Field(64, ge=1)
    threads: int = Field(1, ge=1)  # inside one call of the model

    @classmethod
    def parse(cls, arguments: Sequence[str], environment: Mapping[str, str]) -> Self:
        """Read settings; an argument counts before the environment. InputError names the wrong."""
        given = {
            name: environment[_PREFIX + name.upper()]
            for name in cls.model_fields
            if environment.get(_PREFIX + name.upper())
        }
        for argument in arguments:
            name, equals, value = argument.partition("=")
            if not equals or name not in cls.model_fields:
                raise InputError(
                    f"{argument!r}: no such setting; expected name=value with a name of "
                    f"{', '.join(cls.model_fields)}"
                )
            given[name] = value
        if "bundle" not in given:
            raise InputError("bundle: missing; expected bundle=FOLDER, as scripts/export_onnx.py")
        try:
            return cls.model_validate(given)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            raise InputError(f"{first['loc'][0]}: {first['msg']}") from error
