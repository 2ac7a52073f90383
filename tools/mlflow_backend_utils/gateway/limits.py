"""What protects the gateway from its clients: size, number and right of requests. Pure ASGI: no task per request."""

from __future__ import annotations

import hmac
import json
import time
from typing import Any

from mlflow_backend_utils.gateway.metrics import Metrics
from mlflow_backend_utils.gateway.options import GatewayOptions

# Always answered, to everybody: probes have no token.
_OPEN = frozenset({"/ping", "/health", "/version"})


class Limits:
    """An application around another one, that answers 401, 413 or 503 by itself."""

    def __init__(self, app: Any, options: GatewayOptions, metrics: Metrics) -> None:
        self._app = app
        self._options = options
        self._metrics = metrics
        self._token = f"Bearer {options.token}".encode() if options.token else b""
        self._pending = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http" or scope["path"] in _OPEN:
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        if self._token and not hmac.compare_digest(headers.get(b"authorization", b""), self._token):
            await _answer(send, 401, "UNAUTHENTICATED", "send the header 'Authorization: Bearer TOKEN'.")
            return
        if self._pending >= self._options.max_pending:
            await _answer(send, 503, "TEMPORARILY_UNAVAILABLE", f"{self._pending} requests are under way; ask again.")
            return
        length = headers.get(b"content-length", b"0")
        if length.isdigit() and int(length) > self._options.max_body_bytes:
            await self._refuse_size(send)
            return
        await self._limited(scope, receive, send)

    async def _limited(self, scope: Any, receive: Any, send: Any) -> None:
        taken = 0
        status = 0
        start = time.perf_counter()

        async def counted() -> Any:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            # To the application it is as if the client had gone away.
            return {"type": "http.disconnect"} if taken > self._options.max_body_bytes else message

        async def noted(message: Any) -> None:
            nonlocal status
            if taken > self._options.max_body_bytes:
                return
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        self._pending += 1
        self._metrics.pending.set(self._pending)
        try:
            await self._app(scope, counted, noted)
            if taken > self._options.max_body_bytes:
                status = 413
                await self._refuse_size(send)
        finally:
            self._pending -= 1
            self._metrics.pending.set(self._pending)
            self._metrics.observe(scope["path"], status, time.perf_counter() - start)

    async def _refuse_size(self, send: Any) -> None:
        limit = self._options.max_body_bytes
        await _answer(send, 413, "INVALID_PARAMETER_VALUE", f"the body is larger than {limit} bytes.")


async def _answer(send: Any, status: int, code: str, message: str) -> None:
    body = json.dumps({"error_code": code, "message": message}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    if status == 503:
        headers.append((b"retry-after", b"1"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
