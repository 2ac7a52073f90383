"""`/invocations`: the quick way where it is certain, else MLflow's own."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from mlflow_backend_utils.gateway import errors, exact, quick, replies
from mlflow_backend_utils.gateway.exact import Reply
from mlflow_backend_utils.gateway.models import Served
from mlflow_backend_utils.gateway.tensors import Array

_JSON = "application/json"
_QUICK = frozenset({_JSON, "application/json; charset=utf-8", "application/json;charset=utf-8"})


class Scoring:
    """Answers requests; MLflow's own code runs in threads.

    Args:
        threads: how many requests that code handles at once.
    """

    def __init__(self, threads: int) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="mlflow-parser")

    def close(self) -> None:
        """Ends the threads."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def reply(self, body: bytes, content_type: str, served: Served) -> Reply:
        """MLflow's reply to a request.

        Raises:
            GatewayError, DeadlineExceededError: the server has trouble that MLflow's cannot have.
        """
        tensors = quick.parse(body, served.interface) if content_type in _QUICK else None
        if tensors is None:
            return await self._exactly(body, content_type, served, None)
        try:
            answer = await served.infer(tensors, {})
        except (errors.ModelRaisedError, errors.ModelRefusedError) as error:
            # MLflow's words for it contain the parsed data.
            return await self._exactly(body, content_type, served, error)
        return Reply(replies.predictions(answer, served.interface), 200, _JSON)

    async def _exactly(self, body: bytes, content_type: str, served: Served, known: Exception | None) -> Reply:
        loop = asyncio.get_running_loop()

        def ask(tensors: Mapping[str, Array], params: Mapping[str, Any]) -> Mapping[str, Array]:
            if known is not None:
                raise known
            return asyncio.run_coroutine_threadsafe(served.infer(tensors, params), loop).result()

        return await loop.run_in_executor(self._pool, exact.invocations, body, content_type, served.interface, ask)
