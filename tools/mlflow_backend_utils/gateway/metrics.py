"""What the gateway tells Prometheus of itself; the models' own metrics are Triton's."""

from __future__ import annotations

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest

_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60)


class Metrics:
    """A registry of its own, so that several gateways of one process do not meet."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "mlflow_gateway_requests",
            "Requests answered, by kind and status.",
            ["path", "status"],
            registry=self._registry,
        )
        self._seconds = Histogram(
            "mlflow_gateway_seconds", "Seconds from request to answer.", registry=self._registry, buckets=_BUCKETS
        )
        self.pending = Gauge("mlflow_gateway_pending", "Requests under way.", registry=self._registry)
        self._children: dict[tuple[str, int], Counter] = {}

    def observe(self, path: str, status: int, seconds: float) -> None:
        """Counts one request."""
        key = _kind(path), status
        child = self._children.get(key)
        if child is None:
            child = self._children[key] = self._requests.labels(key[0], str(status))
        child.inc()
        self._seconds.observe(seconds)

    def text(self) -> tuple[bytes, str]:
        """The metrics, and their media type."""
        return generate_latest(self._registry), CONTENT_TYPE_LATEST


def _kind(path: str) -> str:
    """Few kinds, whatever clients ask for."""
    if path.endswith("/invocations"):
        return "/invocations"
    return "/v2" if path.startswith("/v2") else path if path == "/metrics" else "other"
