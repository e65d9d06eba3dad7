"""What Prometheus reads at /metrics."""

import time
from collections.abc import Iterable

import numpy as np
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.core import HistogramMetricFamily
from prometheus_client.registry import Collector
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from nrms_torch.serving.api.model_slot import ModelSlot
from nrms_torch.serving.api.paths import route_of

_LATENCY_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10)
_CANDIDATES = (1, 5, 10, 25, 50, 100, 250, 1_000, 10_000, 100_000)
_PROBABILITIES = (0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 1.0)


class Monitoring:
    """The metrics of one server, and what counts them."""

    def __init__(self, slot: ModelSlot) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        self.requests = Counter(
            "nrms_requests", "Requests answered.", ["route", "status"], registry=self.registry
        )
        self.latency = Histogram(
            "nrms_request_seconds",
            "From a request's head to the end of its answer.",
            ["route"],
            buckets=_LATENCY_S,
            registry=self.registry,
        )
        self.candidates = Histogram(
            "nrms_candidates",
            "Articles that a ranking chose from.",
            buckets=_CANDIDATES,
            registry=self.registry,
        )
        self.ids = Counter(
            "nrms_ids",
            "Article ids in requests for a ranking, repeated ones too.",
            registry=self.registry,
        )
        self.unknown_ids = Counter(
            "nrms_unknown_ids", "Those of nrms_ids that were unknown.", registry=self.registry
        )
        self.scores = ScoreHistogram()
        self.registry.register(self.scores)
        self._version = Gauge(
            "nrms_model_info",
            "1 for the model that answers.",
            ["version"],
            registry=self.registry,
        )
        self._articles = Gauge(
            "nrms_articles", "Articles that can be ranked.", registry=self.registry
        )
        self._slot = slot

    def count_ranking(self, *, ids: int, unknown: int, candidates: int, scores: np.ndarray) -> None:
        """Count a ranking out of `candidates`, with the scores (N,) that it showed."""
        self.ids.inc(ids)
        self.unknown_ids.inc(unknown)
        self.candidates.observe(candidates)
        self.scores.observe(scores)

    def exposition(self) -> bytes:
        """Write all metrics in Prometheus' text format."""
        self._version.clear()
        if self._slot.is_ready:
            recommender = self._slot.recommender
            self._version.labels(recommender.bundle.version).set(1)
            self._articles.set(len(recommender))
        return generate_latest(self.registry)


class ScoreHistogram(Collector):
    """A histogram of scores as probabilities, that is after a sigmoid: it has no negative values.

    It takes an array at a time, where prometheus_client's own takes a number.
    """

    def __init__(self) -> None:
        self._bounds = np.array(_PROBABILITIES)
        self._counts = np.zeros(len(_PROBABILITIES) + 1, dtype=np.int64)
        self._sum = 0.0

    def observe(self, scores: np.ndarray) -> None:
        """Count scores (N,)."""
        probabilities = 1 / (1 + np.exp(-np.clip(scores, -50, 50, dtype=np.float64)))
        places = self._bounds.searchsorted(probabilities)
        self._counts += np.bincount(places, minlength=len(self._counts))
        self._sum += float(probabilities.sum())

    def collect(self) -> Iterable[HistogramMetricFamily]:
        """Give the histogram to the registry."""
        totals = self._counts.cumsum().tolist()
        bounds = [*map(str, _PROBABILITIES), "+Inf"]
        yield HistogramMetricFamily(
            "nrms_score",
            "Scores of the articles that rankings showed, after a sigmoid.",
            buckets=list(zip(bounds, totals, strict=True)),
            sum_value=self._sum,
        )


class RequestMetrics:
    """ASGI middleware that counts requests by route and status, and how long they take.

    A path that is no route counts as "other": names that clients make up are no labels.
    """

    def __init__(self, app: ASGIApp, *, monitoring: Monitoring, routes: Iterable[str]) -> None:
        self._app = app
        self._monitoring = monitoring
        self._routes = frozenset(routes)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a connection, as ASGI asks."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        # Where the app fails before it answers, its server answers 500.
        status = 500

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        start = time.perf_counter()
        try:
            await self._app(scope, receive, noting)
        finally:
            route = route_of(scope)
            route = route if route in self._routes else "other"
            self._monitoring.requests.labels(route, str(status)).inc()
            self._monitoring.latency.labels(route).observe(time.perf_counter() - start)
