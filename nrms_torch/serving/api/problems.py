"""Errors as RFC 9457 has them: application/problem+json that names the field and the row."""

import errno
import logging
import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict
from pydantic.json_schema import models_json_schema
from starlette.exceptions import HTTPException

from nrms_torch.errors import InputError

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_S = 1
# Of a list of thousands of wrong ids the first few tell enough.
_SHOWN_ERRORS = 20
# A name that a client made up may be megabytes long.
_SHOWN_NAME = 100

_NEWER_PHRASES = {413: "Content Too Large", 422: "Unprocessable Content"}

_log = logging.getLogger(__name__)


class FieldProblem(BaseModel):
    """One mistake: the field, the row of an uploaded table, counted from 1, and what is wrong."""

    field: str
    row: int | None = None
    message: str


class Problem(BaseModel):
    """A problem in the sense of RFC 9457; `errors` lists the fields that are wrong, if any."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "type": "about:blank",
                    "title": "Unprocessable Content",
                    "status": 422,
                    "detail": "history.0: Input should be a valid integer",
                    "errors": [
                        {
                            "field": "history.0",
                            "row": None,
                            "message": "Input should be a valid integer",
                        }
                    ],
                }
            ]
        }
    )

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    errors: list[FieldProblem] = []


class ProblemError(HTTPException):
    """Stops a request with a status and one clear line."""

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        errors: list[FieldProblem] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(status, detail, headers)
        self.errors = errors or []


def unavailable(detail: str) -> ProblemError:
    """Make the error that asks to try again soon: 503 with Retry-After."""
    return ProblemError(503, detail, headers={"Retry-After": str(RETRY_AFTER_S)})


def of_input_error(error: InputError, *, status: int = 422) -> ProblemError:
    """Make a client's error of an InputError, whose line says `where: what`."""
    message = " ".join(str(error).split())
    where, _, what = message.partition(": ")
    # Errors of tables: "behaviors, row 3 (impression 7), column user_id".
    column = re.search(r"column (\w+)", where)
    row = re.search(r"\brow (\d+)", where)
    field = re.split(r"[, ]", where)[0] + (f".{column[1]}" if column else "")
    problem = FieldProblem(field=field, row=int(row[1]) if row else None, message=what or message)
    return ProblemError(status, message, errors=[problem])


def of_full_disk(error: OSError) -> ProblemError:
    """Make the server's error of a disk that has no more room; any other error is raised again."""
    if error.errno not in (errno.ENOSPC, errno.EDQUOT):
        raise error
    _log.error("the disk of temporary files is full: %s", error)
    return ProblemError(507, "The server's disk is full; nothing is wrong with the request.")


def respond(error: HTTPException) -> Response:
    """Write an error as a response."""
    problem = Problem(
        title=_phrase(error.status_code),
        status=error.status_code,
        detail=str(error.detail),
        errors=error.errors if isinstance(error, ProblemError) else [],
    )
    return Response(
        problem.model_dump_json(), error.status_code, error.headers, media_type=MEDIA_TYPE
    )


def declared(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Declare the problems that a route may answer with, for OpenAPI."""
    return {
        status: {
            "description": _phrase(status),
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
            **({"headers": _RETRY_AFTER} if status == 503 else {}),
        }
        for status in statuses
    }


def install(app: FastAPI) -> None:
    """Make the app answer every error as a problem."""

    @app.exception_handler(HTTPException)
    async def on_http_error(_: Request, error: HTTPException) -> Response:
        return respond(error)

    @app.exception_handler(InputError)
    async def on_input_error(_: Request, error: InputError) -> Response:
        return respond(of_input_error(error))

    @app.exception_handler(OSError)
    async def on_system_error(_: Request, error: OSError) -> Response:
        return respond(of_full_disk(error))

    @app.exception_handler(RequestValidationError)
    async def on_invalid_body(_: Request, error: RequestValidationError) -> Response:
        errors = [_field_problem(each) for each in error.errors()[:_SHOWN_ERRORS]]
        detail = f"{errors[0].field}: {errors[0].message}"
        return respond(ProblemError(422, detail, errors=errors))

    @app.exception_handler(Exception)
    async def on_failure(request: Request, error: Exception) -> Response:
        _log.error("%s %s failed", request.method, request.url.path, exc_info=error)
        return respond(ProblemError(500, "The server failed on this request; its log says why."))

    _declare_schema(app)


_RETRY_AFTER = {
    "Retry-After": {
        "description": "Seconds after which to try again.",
        "schema": {"type": "integer"},
    }
}


def _declare_schema(app: FastAPI) -> None:
    """Put the schema that `declared` refers to into the app's OpenAPI, in place of FastAPI's."""
    written = app.openapi
    _, definitions = models_json_schema(
        [(Problem, "serialization")], ref_template="#/components/schemas/{model}"
    )

    def openapi() -> dict[str, Any]:
        document = written()
        document.setdefault("components", {}).setdefault("schemas", {}).update(definitions["$defs"])
        return document

    app.openapi = openapi  # type: ignore[method-assign]


def _phrase(status: int) -> str:
    # Older Pythons have older names for some.
    return _NEWER_PHRASES.get(status) or HTTPStatus(status).phrase


def _field_problem(error: Mapping[str, Any]) -> FieldProblem:
    """Name a field as its path in the body, without the part that says it is the body."""
    part, *names = error["loc"]
    if error["type"] == "json_invalid":
        return FieldProblem(field=part, message=f"no JSON at character {names[0]}")
    field = ".".join(str(name)[:_SHOWN_NAME] for name in names) or part
    # FastAPI speaks of Python's classes here.
    message = "expected a file" if "UploadFile" in error["msg"] else error["msg"]
    return FieldProblem(field=field, message=message)
