"""Asks for requests to be scheduled again."""

import triton_python_backend_utils as pb_utils
from model_helpers import mode, parameters, respond

_RESCHEDULE = pb_utils.TRITONSERVER_REQUEST_RELEASE_RESCHEDULE


class TritonPythonModel:
    def initialize(self, args):
        self.steps = {}

    def execute(self, requests):
        return [self.answer(request) for request in requests]

    def answer(self, request):
        key = request.correlation_id()
        self.steps[key] = self.steps.get(key, 0) + 1
        if mode(request) == "response":
            request.set_release_flags(_RESCHEDULE)
            return respond("too early")
        # The sequence batcher fills a batch up with empty requests: these have no parameters.
        if self.steps[key] <= parameters(request).get("times", 0):
            request.set_release_flags(_RESCHEDULE)
            return None
        return respond({"steps": self.steps.pop(key), "input": int(request.inputs()[0].as_numpy().ravel()[0])})
