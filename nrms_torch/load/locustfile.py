"""Readers who ask for a ranking again as soon as they have one.

`locust -f nrms_torch/load/locustfile.py --headless -H http://127.0.0.1:8000 -u 16 -r 100 -t 60s`
"""

import json
import random

from locust import FastHttpUser, constant, task

HISTORY, CANDIDATES, BODIES = 20, 100, 500
_PAGE = 1_000


class Reader(FastHttpUser):
    """Sends POST /recommend with 20 clicks and 100 candidates, drawn from the server's articles.

    A 503 with Retry-After is an answer, counted under a name of its own; all else but 200 fails.
    """

    wait_time = constant(0)
    bodies: list[bytes] = []  # shared by all readers: one draw

    def on_start(self) -> None:
        """Draw bodies, the first reader for all."""
        if not self.bodies:
            self.bodies.extend(self._drawn(random.Random(0)))

    @task
    def recommend(self) -> None:
        """Ask for a ranking."""
        with self.client.post(
            "/recommend",
            data=random.choice(self.bodies),
            headers={"Content-Type": "application/json"},
            catch_response=True,
        ) as response:
            if response.status_code == 503 and response.headers.get("Retry-After"):
                response.request_meta["name"] = "/recommend 503"
                response.success()

    def _drawn(self, generator: random.Random) -> list[bytes]:
        ids: list[int | str] = []
        while len(page := self._page(len(ids))) == _PAGE:
            ids.extend(page)
        ids.extend(page)
        bodies = []
        for _ in range(BODIES):
            drawn = generator.sample(ids, HISTORY + CANDIDATES)
            body = {"history": drawn[:HISTORY], "candidates": drawn[HISTORY:], "k": 10}
            bodies.append(json.dumps(body).encode())
        return bodies

    def _page(self, offset: int) -> list[int | str]:
        response = self.client.get(f"/articles?limit={_PAGE}&offset={offset}", name="/articles")
        return [article["article_id"] for article in response.json()["articles"]]
