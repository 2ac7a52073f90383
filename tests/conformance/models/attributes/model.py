"""Tells the attributes of a request; waits for its cancellation."""

import time

import triton_python_backend_utils as pb_utils
from model_helpers import mode, respond


class TritonPythonModel:
    def initialize(self, args):
        self.cancelled = []

    def execute(self, requests):
        return [self.answer(request) for request in requests]

    def answer(self, request):
        if mode(request) == "wait":
            end = time.monotonic() + 10
            while not request.is_cancelled() and time.monotonic() < end:
                time.sleep(0.02)
            self.cancelled.append(request.is_cancelled())
        if mode(request) == "cancelled":
            return respond(self.cancelled)
        if mode(request) == "made":
            made = pb_utils.InferenceRequest(
                request_id="made",
                correlation_id=7,
                model_name="other",
                requested_output_names=["A", "B"],
                inputs=request.inputs(),
            )
            return respond(made.is_cancelled())
        trace = request.trace()
        return respond(
            {
                "id": request.request_id(),
                "correlation_id": request.correlation_id(),
                "flags": request.flags(),
                "timeout": request.timeout(),
                "parameters": request.parameters(),
                "outputs": sorted(request.requested_output_names()),
                "inputs": [tensor.name() for tensor in request.inputs()],
                "trace": trace.get_context() if hasattr(trace, "get_context") else "no context",
                "cancelled": request.is_cancelled(),
            }
        )
