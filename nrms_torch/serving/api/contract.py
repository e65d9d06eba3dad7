"""What /openapi.json says beyond what FastAPI writes: for generated clients, and for linters."""

from typing import Any

from fastapi import FastAPI

METRICS_TYPE = "text/plain; version=0.0.4"
METRICS_TEXT: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/plain": {"schema": {"type": "string"}}}}
}
_LICENCE = "https://opensource.org/license/mit"

DESCRIPTION: dict[str, Any] = {
    "title": "nrms-torch",
    "summary": "Ranks news articles for readers by what they clicked.",
    "description": "Ranks articles for a history of clicks, says why, and takes new articles while "
    "it runs. Errors are problems in the sense of RFC 9457.",
    "license_info": {"name": "MIT", "url": _LICENCE},
    "openapi_tags": [
        {"name": "ranking", "description": "What a reader is shown, and why."},
        {"name": "articles", "description": "What can be ranked, and what is added."},
        {"name": "model", "description": "The server, its model, and their state."},
    ],
    # An operation is called as the function is: clients name their methods by it.
    "generate_unique_id_function": lambda route: route.name,
}


def install(app: FastAPI, root_path: str) -> None:
    """Make the app's OpenAPI say where it is served, what is open, and which fields are files."""
    written = app.openapi

    def openapi() -> dict[str, Any]:
        document = written()
        document["servers"] = [{"url": root_path or "/"}]
        for path in document["paths"].values():
            for operation in path.values():
                operation.setdefault("security", [])
        _name_files(document)
        return document

    app.openapi = openapi  # type: ignore[method-assign]


def _name_files(node: Any) -> None:
    """Say `format: binary`, which generated clients know, for what FastAPI calls a media type."""
    if isinstance(node, dict):
        if node.pop("contentMediaType", None):
            node["format"] = "binary"
        node = list(node.values())
    if isinstance(node, list):
        for each in node:
            _name_files(each)
