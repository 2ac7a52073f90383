"""Requests that wait for the same model are asked as one.

A call of gRPC costs a small request more than its prediction. While `_UNDER_WAY` calls of a model are on their way, the
requests that come are gathered, and go together when one of them is back: nobody waits longer than a call takes, and
the more there is to do, the less each costs. A call that fails is repeated request by request, so that each gets the
answer that is its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mlflow_backend_utils.gateway.errors import GatewayError
from mlflow_backend_utils.gateway.tensors import Array

Tensors = Mapping[str, Array]
Ask = Callable[[Tensors], Awaitable[Tensors]]

_UNDER_WAY = 2


@dataclass
class _Waiting:
    """A request, and where its answer goes."""

    tensors: Tensors
    rows: int
    answer: asyncio.Future[Tensors]

    def key(self) -> tuple[object, ...]:
        """Requests with equal ones can be stacked."""
        return tuple((name, array.dtype.str, array.shape[1:]) for name, array in self.tensors.items())


class Coalescer:
    """Gathers the requests of one model whose tensors have the rows first.

    Args:
        ask: asks the model.
        most_rows: rows of one call, the model's max_batch_size.
    """

    def __init__(self, ask: Ask, most_rows: int) -> None:
        self._ask = ask
        self._most_rows = most_rows
        self._waiting: list[_Waiting] = []
        self._under_way = 0
        self._tasks: set[asyncio.Task[None]] = set()

    async def infer(self, tensors: Tensors) -> Tensors:
        """The model's answer to at most `most_rows` rows of one request; raises what `ask` raises for it alone."""
        if not self._under_way:
            return await self._at_once(tensors)
        rows = len(next(iter(tensors.values())))
        waiting = _Waiting(tensors, rows, asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        self._start()
        return await waiting.answer

    async def _at_once(self, tensors: Tensors) -> Tensors:
        """Nobody else asks: no task, no waiting."""
        self._under_way += 1
        try:
            return await self._ask(tensors)
        finally:
            self._under_way -= 1
            self._start()

    def _start(self) -> None:
        while self._waiting and self._under_way < _UNDER_WAY:
            self._under_way += 1
            task = asyncio.get_running_loop().create_task(self._run(self._next_group()))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def _next_group(self) -> list[_Waiting]:
        """The first that waits, and those that can go with it."""
        key, rows = self._waiting[0].key(), 0
        group: list[_Waiting] = []
        left: list[_Waiting] = []
        for one in self._waiting:
            if not group or (rows + one.rows <= self._most_rows and one.key() == key):
                rows += one.rows
                group.append(one)
            else:
                left.append(one)
        self._waiting = left
        return group

    async def _run(self, group: Sequence[_Waiting]) -> None:
        try:
            # Who went away while waiting needs no answer.
            group = [one for one in group if not one.answer.done()]
            if len(group) == 1:
                await self._alone(group[0])
            elif group:
                await self._together(group)
        finally:
            self._under_way -= 1
            self._start()

    async def _alone(self, one: _Waiting) -> None:
        try:
            answer = await self._ask(one.tensors)
        except Exception as error:
            if not one.answer.done():
                one.answer.set_exception(error)
            return
        if not one.answer.done():
            one.answer.set_result(answer)

    async def _together(self, group: Sequence[_Waiting]) -> None:
        stacked = {name: np.concatenate([one.tensors[name] for one in group]) for name in group[0].tensors}
        try:
            answer = await self._ask(stacked)
        except GatewayError as error:
            # A server that is away stays away for each of them.
            if error.status == 503:
                for one in group:
                    if not one.answer.done():
                        one.answer.set_exception(error)
                return
            await asyncio.gather(*(self._alone(one) for one in group))
            return
        except Exception:
            await asyncio.gather(*(self._alone(one) for one in group))
            return
        start = 0
        for one in group:
            end = start + one.rows
            if not one.answer.done():
                one.answer.set_result({name: array[start:end] for name, array in answer.items()})
            start = end
