"""The API key, for what changes the server: an option, and needed to swap the model."""

import hmac
from typing import Annotated

from fastapi import Security
from fastapi.security import APIKeyHeader
from pydantic import SecretStr

from nrms_torch.serving.api.problems import ProblemError

HEADER = "X-API-Key"
_header = APIKeyHeader(name=HEADER, auto_error=False)


class ApiKey:
    """The server's key, if it has one."""

    def __init__(self, key: SecretStr | None) -> None:
        self._key = key.get_secret_value().encode() if key else None

    async def require(self, given: Annotated[str | None, Security(_header)] = None) -> None:
        """Stop a request without the key, with a 401; let all pass where there is none."""
        if self._key is not None and not hmac.compare_digest((given or "").encode(), self._key):
            raise ProblemError(
                401, f"{HEADER}: missing or wrong", headers={"WWW-Authenticate": "ApiKey"}
            )

    async def require_always(self, given: Annotated[str | None, Security(_header)] = None) -> None:
        """Stop a request without the key, and with a 403 all of them where there is none."""
        if self._key is None:
            raise ProblemError(403, "The server has no API key; start it with NRMS_API_KEY.")
        await self.require(given)
