"""Bodies of ASGI requests."""

from __future__ import annotations

from typing import Any


async def read(receive: Any) -> bytes | None:
    """The whole body; None: the client went away."""
    parts = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(parts)
