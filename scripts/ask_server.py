"""Serve a bundle for one request: `python scripts/ask_server.py bundle=FOLDER`."""

import json
from typing import Any
from urllib.parse import urlencode
from urllib.request import Request, urlopen

from omegaconf import DictConfig

from nrms_torch.cli import command
from nrms_torch.errors import InputError
from nrms_torch.fields import require_integer
from nrms_torch.serving.process import server

_MOST = 1_000  # articles that the server lists at a time


@command("ask_server")
def main(config: DictConfig) -> None:
    """Start a server on a free port, ask it for a ranking, print both, and stop it."""
    for name, least in (("clicks", 0), ("k", 1)):
        require_integer(name, config[name], least)
        if config[name] > _MOST:
            raise InputError(f"{name}: expected {_MOST:,} at most, found {config[name]:,}")
    with server("nrms_torch.serving", f"bundle={config.bundle}") as running:
        clicked = _get(f"{running.url}/articles?limit={config.clicks}")["articles"]
        body = {"history": [article["article_id"] for article in clicked], "k": config.k}
        print(f"POST {running.url}/recommend {json.dumps(body)}")
        data = json.dumps(body).encode()
        request = Request(f"{running.url}/recommend", data, {"Content-Type": "application/json"})
        ranking = _get(request)["ranking"]
        ids = [("article_id", item["article_id"]) for item in ranking]
        query = urlencode([*ids, ("limit", len(ids))])
        shown = _get(f"{running.url}/articles?{query}")["articles"] if ids else []
    for item, article in zip(ranking, shown, strict=True):
        print(f"{item['score']:9.3f}  {item['article_id']}  {article['title']}")


def _get(request: Request | str) -> Any:
    with urlopen(request) as response:
        return json.load(response)


if __name__ == "__main__":
    main()
