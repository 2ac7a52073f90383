"""The trace that a request belongs to, for whatever the model itself traces with OpenTelemetry.

MLflow brings OpenTelemetry's API, so a model needs nothing but its own exporter.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator


@contextlib.contextmanager
def attached(carrier: str | None) -> Iterator[None]:
    """Makes the request's trace the current one.

    Args:
        carrier: JSON object with the header `traceparent`, as `request.trace().get_context()` gives it; None or
            anything else: there is no trace.
    """
    headers = _headers(carrier)
    if not headers:
        yield
        return
    from opentelemetry import context, propagate

    token = context.attach(propagate.extract(headers))
    try:
        yield
    finally:
        context.detach(token)


def _headers(carrier: str | None) -> dict[str, str]:
    if not carrier:
        return {}
    try:
        headers = json.loads(carrier)
    except ValueError:
        return {}
    return headers if isinstance(headers, dict) else {}
