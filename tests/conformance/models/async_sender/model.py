"""A decoupled model whose `execute` is a coroutine."""

import asyncio

import triton_python_backend_utils as pb_utils
from model_helpers import free_memory, mode, respond

_FINAL = pb_utils.TRITONSERVER_RESPONSE_COMPLETE_FINAL


class TritonPythonModel:
    def initialize(self, args):
        self.arrived = asyncio.Event()

    async def execute(self, requests):
        await asyncio.gather(*[self.answer(request) for request in requests])

    async def answer(self, request):
        sender = request.get_response_sender()
        wanted = mode(request)
        if wanted == "free":
            sender.send(respond(free_memory()), _FINAL)
        elif wanted == "steps":
            await asyncio.gather(self.step(sender, "late", 0.1), self.step(sender, "early", 0.02))
            sender.send(flags=_FINAL)
        elif wanted == "wait":
            # Only an `execute` that begins while this one waits can end it.
            await asyncio.wait_for(self.arrived.wait(), 10)
            sender.send(respond("waited"), _FINAL)
        elif wanted == "notify":
            self.arrived.set()
            sender.send(respond("notified"), _FINAL)
        elif wanted == "raise":
            sender.send(respond("before"), _FINAL)
            await asyncio.sleep(0.02)
            raise ValueError("coroutine boom")
        elif wanted == "raise_unanswered":
            raise ValueError("unanswered boom")

    async def step(self, sender, name, seconds):
        await asyncio.sleep(seconds)
        sender.send(respond(name))
