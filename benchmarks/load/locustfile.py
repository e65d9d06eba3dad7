"""Readers who ask for a ranking again as soon as they have one.

`locust -f benchmarks/load/locustfile.py --headless -H http://127.0.0.1:8000 -u 16 -r 100 -t 60s`
"""

import json
import random
from typing import Any

import httpx
from locust import FastHttpUser, constant, events, task
from locust.env import Environment

HISTORY, CANDIDATES, BODIES = 20, 100, 500
_PAGE = 1_000

_bodies: list[str] = []


@events.test_start.add_listener
def draw_bodies(environment: Environment, **rest: Any) -> None:
    """Draw what is asked for from the articles that the server has."""
    ids: list[int | str] = []
    with httpx.Client(base_url=str(environment.host), timeout=30) as client:
        while True:
            page = client.get("/articles", params={"limit": _PAGE, "offset": len(ids)}).json()
            ids.extend(article["article_id"] for article in page["articles"])
            if len(ids) >= page["total"]:
                break
    generator = random.Random(0)
    for _ in range(BODIES):
        drawn = generator.sample(ids, HISTORY + CANDIDATES)
        body = {"history": drawn[:HISTORY], "candidates": drawn[HISTORY:], "k": 10}
        _bodies.append(json.dumps(body))


class Reader(FastHttpUser):
    """Sends POST /recommend with 20 clicks and 100 candidates, drawn from the server's articles.

    A 503 with Retry-After is an answer, counted under a name of its own; all else but 200 fails.
    """

    wait_time = constant(0)

    @task
    def recommend(self) -> None:
        """Ask for a ranking."""
        with self.client.post(
            "/recommend",
            data=random.choice(_bodies),
            headers={"Content-Type": "application/json"},
            catch_response=True,
        ) as response:
            if response.status_code == 503 and response.headers.get("Retry-After"):
                response.request_meta["name"] = "/recommend 503"
                response.success()
