"""Asks other models what the test says, in each way there is."""

import asyncio
import concurrent.futures
import json
import threading
import time

import triton_python_backend_utils as pb_utils
from model_helpers import free_memory, made_request, mode, parameters, respond, told


def calls(request):
    """The requests to other models that the test describes."""
    return json.loads(parameters(request).get("calls", "[]"))


def ask(call):
    return told(made_request(call).exec())


_WRONG = {
    "input": {"inputs": [None]},
    "output": {"requested_output_names": [None]},
    "correlation_id": {"correlation_id": 1.5},
    "key": {"parameters": {1: 2}},
    "value": {"parameters": {"a": [1]}},
    "model": {"model_name": 5},
    "number": {"inputs": 5},
}


class TritonPythonModel:
    def initialize(self, args):
        self.kept = []
        self.background = []

    def execute(self, requests):
        return [getattr(self, "do_" + mode(request))(request) for request in requests]

    def do_exec(self, request):
        return respond([ask(call) for call in calls(request)])

    def do_traced(self, request):
        return respond([told(made_request(call, trace=request.trace()).exec()) for call in calls(request)])

    def do_memory(self, request):
        memory = pb_utils.PreferredMemory(pb_utils.TRITONSERVER_MEMORY_CPU, 0)
        answers = [made_request(call, preferred_memory=memory).exec() for call in calls(request)]
        return respond([[tensor.is_cpu() for tensor in answer.output_tensors()] for answer in answers])

    def do_gather(self, request):
        async def gather():
            answers = await asyncio.gather(*[made_request(call).async_exec() for call in calls(request)])
            return [told(answer) for answer in answers]

        return respond(asyncio.run(gather()))

    def do_no_loop(self, request):
        try:
            made_request(calls(request)[0]).async_exec()
        except RuntimeError as error:
            return respond(str(error))
        return respond(None)

    def do_threads(self, request):
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            return respond(list(pool.map(ask, calls(request))))

    def do_background(self, request):
        """Ask after this answer has been given."""

        def ask_later():
            time.sleep(0.3)
            try:
                self.background.extend(ask(call) for call in calls(request))
            except pb_utils.TritonModelException as error:
                self.background.append(str(error))

        self.thread = threading.Thread(target=ask_later)
        self.thread.start()
        return respond([])

    def do_background_result(self, request):
        return respond(self.background)

    def do_forward(self, request):
        """The inputs to another model, its outputs to the client, all of them unchanged."""
        names = parameters(request)["model"].split()
        tensors = request.inputs()
        for name in names:
            answer = pb_utils.InferenceRequest(
                model_name=name,
                inputs=tensors,
                requested_output_names=["OUT" + tensor.name()[2:] for tensor in tensors],
            ).exec()
            if answer.has_error():
                return pb_utils.InferenceResponse(error=answer.error())
            tensors = answer.output_tensors()
        return pb_utils.InferenceResponse(tensors)

    def do_keep(self, request):
        self.kept.extend(made_request(call).exec() for call in calls(request))
        return respond([])

    def do_drop(self, request):
        answers = [told(answer) for answer in self.kept]
        self.kept.clear()
        return respond(answers)

    def do_free(self, request):
        return respond(free_memory())

    def do_wrong(self, request):
        try:
            arguments = {"request_id": "i", "model_name": "m", "inputs": [], "requested_output_names": []}
            pb_utils.InferenceRequest(**{**arguments, **_WRONG[parameters(request)["what"]]})
        except Exception as error:
            return respond([type(error).__name__, str(error)])
        return respond(None)
