"""Asks decoupled models, in each way there is, and tells their answers."""

import asyncio
import concurrent.futures
import json
import time

import c_python_backend_utils as c_utils
from model_helpers import free_memory, made_request, mode, parameters, respond, told


def calls(request):
    """The requests to other models that the test describes."""
    return json.loads(parameters(request).get("calls", "[]"))


def open_stream(call):
    return made_request(call).exec(decoupled=True)


def ask(call):
    return [told(response) for response in open_stream(call)]


class TritonPythonModel:
    def initialize(self, args):
        self.kept = []

    def execute(self, requests):
        return [respond(getattr(self, "do_" + mode(request))(request)) for request in requests]

    def do_all(self, request):
        return [ask(call) for call in calls(request)]

    def do_exec(self, request):
        """Without saying that the other model is decoupled."""
        return [told(made_request(call).exec()) for call in calls(request)]

    def do_twice(self, request):
        streams = [open_stream(call) for call in calls(request)]
        assert all(isinstance(stream, c_utils.ResponseIterator) for stream in streams)
        return [[[told(response) for response in stream] for _ in range(2)] for stream in streams]

    def do_after_the_end(self, request):
        """The end remains the end until the iteration is begun again."""
        stream = open_stream(calls(request)[0])
        seen = [told(response) for response in stream]
        return [seen, next(stream, "end"), told(next(iter(stream)))]

    def do_early(self, request):
        """Take one response of each stream and drop it."""
        return [told(next(iter(open_stream(call)))) for call in calls(request)]

    def do_unread(self, request):
        for call in calls(request):
            open_stream(call)
        return []

    def do_late(self, request):
        """Read when everything has come."""
        streams = [open_stream(call) for call in calls(request)]
        time.sleep(0.3)
        return [[told(response) for response in stream] for stream in streams]

    def do_interleaved(self, request):
        streams = [open_stream(call) for call in calls(request)]
        return [[told(response) for response in step] for step in zip(*streams, strict=True)]

    def do_reversed(self, request):
        """All streams are open while the last is read first."""
        streams = [open_stream(call) for call in calls(request)]
        return [[told(response) for response in stream] for stream in reversed(streams)]

    def do_keep(self, request):
        self.kept = [open_stream(call) for call in calls(request)]
        return []

    def do_read_kept(self, request):
        answers = [[told(response) for response in stream] for stream in self.kept]
        self.kept = []
        return answers

    def do_gather(self, request):
        async def gather():
            return await asyncio.gather(*[made_request(call).async_exec(decoupled=True) for call in calls(request)])

        return [[told(response) for response in stream] for stream in asyncio.run(gather())]

    def do_threads(self, request):
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            return list(pool.map(ask, calls(request)))

    def do_cancel(self, request):
        stream = open_stream(calls(request)[0])
        try:
            stream.cancel()
            stream.cancel()
        except Exception as error:
            return [type(error).__name__, str(error), len(list(stream))]
        return ["", "", len(list(stream))]

    def do_made(self, request):
        """An iterator over one response of our own."""
        stream = c_utils.ResponseIterator(respond("own"))
        return [told(response) for response in stream]

    def do_free(self, request):
        return free_memory()
