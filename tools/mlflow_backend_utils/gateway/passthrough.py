"""`/v2/*`: Triton's own HTTP API, bytes for bytes."""

from __future__ import annotations

import json
from typing import Any

import aiohttp

from mlflow_backend_utils.gateway import bodies

# Of one connection only (RFC 9110, 7.6.1), or set anew.
_NOT_PASSED = frozenset(
    {
        b"authorization",
        b"connection",
        b"content-length",
        b"host",
        b"keep-alive",
        b"proxy-connection",
        b"te",
        b"transfer-encoding",
        b"upgrade",
    }
)


class Passthrough:
    """An ASGI application that asks `http://ADDRESS/v2…` what it is asked.

    Args:
        address: `host:port`.
        timeout: seconds that an answer, or the next part of it, may take.
    """

    def __init__(self, address: str, timeout: float) -> None:
        self._base = f"http://{address}/v2"
        self._timeout = aiohttp.ClientTimeout(total=None, sock_read=timeout, sock_connect=timeout)
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """Lets go of the connections."""
        if self._session is not None:
            await self._session.close()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=self._timeout, auto_decompress=False)
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        query = scope["query_string"].decode("latin-1")
        headers = [(k.decode("latin-1"), v.decode("latin-1")) for k, v in scope["headers"] if k not in _NOT_PASSED]
        body = await bodies.read(receive)
        if body is None:
            return
        url = self._base + path + ("?" + query if query else "")
        started = False
        try:
            async with self._session.request(
                scope["method"], url, headers=headers, data=body or None, allow_redirects=False
            ) as answer:
                found = [(k.lower(), v) for k, v in answer.raw_headers if k.lower() not in _NOT_PASSED]
                await send({"type": "http.response.start", "status": answer.status, "headers": found})
                started = True
                async for chunk in answer.content.iter_any():
                    await send({"type": "http.response.body", "body": chunk, "more_body": True})
                await send({"type": "http.response.body", "body": b""})
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            if started:
                raise
            await _unavailable(send, error)


async def _unavailable(send: Any, error: Exception) -> None:
    status = 504 if isinstance(error, TimeoutError) else 400 if isinstance(error, ValueError) else 503
    body = json.dumps({"error": f"the server does not answer: {type(error).__name__}: {error}"}).encode()
    headers = [(b"content-type", b"application/json"), (b"retry-after", b"1")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
