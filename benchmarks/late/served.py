"""What late features cost a served ranking: two servers, asked in turn by one client."""

import http.client
import json
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from nrms_torch.serving import ArticleId, Recommender
from nrms_torch.serving.process import ServerProcess, server

_EVENTS, _CANDIDATES, _HISTORY = 20_000, 100, 30
_HALF_A_DAY_S = 43_200


def served_ms(text: Path, late: Path, rankings: int) -> dict[str, np.ndarray]:
    """Time rankings of 100 candidates by a bundle without and with late features, in ms each.

    The second server is told of 20,000 lists and clicks of half a day before. One warm-up each.
    """
    ids = [article.article_id for article in Recommender(text).articles()]
    generator = np.random.default_rng(0)
    times: dict[str, list[float]] = {"text": [], "late": []}
    with server(f"bundle={text}") as plain, server(f"bundle={late}") as told:
        connections = {"text": _connection(plain), "late": _connection(told)}
        for events in _events(ids, generator):
            _post(connections["late"], "/events", {"events": events})
        for _ in range(rankings):
            body = {
                "history": [ids[row] for row in generator.choice(len(ids), _HISTORY)],
                "candidates": [
                    ids[row] for row in generator.choice(len(ids), _CANDIDATES, replace=False)
                ],
                "reader": int(generator.integers(2_000)),
            }
            for name, connection in connections.items():
                start = time.perf_counter()
                answer = _post(connection, "/recommend", body)
                times[name].append(1e3 * (time.perf_counter() - start))
                assert answer["late"] == (name == "late")
    return {name: np.array(each[1:]) for name, each in times.items()}


def _events(
    ids: Sequence[ArticleId], generator: np.random.Generator
) -> Iterator[list[dict[str, Any]]]:
    now, events = time.time(), []
    for number in range(_EVENTS):
        moment = now - _HALF_A_DAY_S * (1 - number / _EVENTS)
        shown = [ids[row] for row in generator.choice(len(ids), 12, replace=False)]
        reader = int(generator.integers(2_000))
        events.append({"kind": "shown", "articles": shown, "time": moment, "reader": reader})
        events.append({"kind": "click", "article": shown[0], "time": moment, "reader": reader})
        if len(events) >= 2_000:
            yield events
            events = []


def _connection(target: ServerProcess) -> http.client.HTTPConnection:
    return http.client.HTTPConnection(target.url.removeprefix("http://"))


def _post(connection: http.client.HTTPConnection, path: str, body: dict[str, Any]) -> dict[str, Any]:
    headers = {"Content-Type": "application/json"}
    connection.request("POST", path, json.dumps(body), headers)
    answer = connection.getresponse()
    content = json.loads(answer.read())
    if answer.status != 200:
        raise RuntimeError(f"{path}: {answer.status} {content}")
    return dict(content)
