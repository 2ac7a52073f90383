"""`execute` as a coroutine."""

import asyncio
import threading

from model_helpers import mode, respond


class TritonPythonModel:
    async def execute(self, requests):
        if mode(requests[0]) == "raise":
            await asyncio.sleep(0.01)
            raise ValueError("coroutine boom")
        if mode(requests[0]) == "number":
            return 5
        return list(await asyncio.gather(*[self.answer(request) for request in requests]))

    async def answer(self, request):
        order = []

        async def step(name, seconds):
            await asyncio.sleep(seconds)
            order.append(name)

        await asyncio.gather(step("late", 0.1), step("early", 0.02))
        return respond({"order": order, "thread": threading.current_thread() is threading.main_thread()})
