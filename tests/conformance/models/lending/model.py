"""Answers with the very arrays of its input, in every way that may get in the way of another."""

import json
import os
import signal
import threading

import numpy as np
import triton_python_backend_utils as pb_utils
from model_helpers import free_memory, mode, parameters, respond


class TritonPythonModel:
    def initialize(self, args):
        self.kept = None
        self.decoupled = pb_utils.using_decoupled_model_transaction_policy(json.loads(args["model_config"]))

    def execute(self, requests):
        responses = [getattr(self, "do_" + mode(request))(request) for request in requests]
        return None if self.decoupled else responses

    def do_pid(self, request):
        return respond(os.getpid())

    def do_free(self, request):
        return respond(free_memory())

    def do_drop(self, request):
        self.kept = None
        return respond(None)

    def _answer(self, out, more):
        return pb_utils.InferenceResponse([pb_utils.Tensor("OUT", out), pb_utils.Tensor("MORE", more)])

    def do_twice(self, request):
        array = request.inputs()[0].as_numpy()
        return self._answer(array, array)

    do_ = do_twice  # parameters of other models' requests do not arrive on 23.10

    def do_views(self, request):
        """All of it by another shape, and a part of it."""
        array = request.inputs()[0].as_numpy()
        return self._answer(array.reshape(array.shape)[:], array[..., :10])

    def do_written(self, request):
        array = request.inputs()[0].as_numpy()
        array += 1
        return self._answer(array, array)

    def do_kept(self, request):
        """What it was given is what the next request gets."""
        array = request.inputs()[0].as_numpy()
        before, self.kept = self.kept, array
        return self._answer(array, array if before is None else before)

    def do_kept_responses(self, request):
        """Response and tensors live on."""
        array = request.inputs()[0].as_numpy()
        self.kept = self._answer(array, array)
        return self.kept

    def do_dlpack(self, request):
        (tensor,) = request.inputs()
        array = np.from_dlpack(tensor)
        return self._answer(tensor.as_numpy(), array)

    def _ask(self, request):
        call = pb_utils.InferenceRequest(
            model_name=parameters(request)["target"],
            requested_output_names=["OUT"],
            inputs=request.inputs(),
        )
        (answer,) = call.exec().output_tensors()
        return answer.as_numpy()

    def do_asked_after(self, request):
        """The input goes to another model when its data are an output already."""
        array = request.inputs()[0].as_numpy()
        output = pb_utils.Tensor("OUT", array)
        return pb_utils.InferenceResponse([output, pb_utils.Tensor("MORE", self._ask(request))])

    def do_asked_before(self, request):
        answer = self._ask(request)
        return self._answer(request.inputs()[0].as_numpy(), answer)

    def do_sent(self, request):
        """Sent one by one."""
        array = request.inputs()[0].as_numpy()
        sender = request.get_response_sender()
        for number in range(5):
            array[..., 0] = number
            sender.send(self._answer(array, array), 1 if number == 4 else 0)

    def do_dies(self, request):
        array = request.inputs()[0].as_numpy()
        seconds = float(parameters(request)["seconds"])
        threading.Timer(seconds, os.kill, (os.getpid(), signal.SIGKILL)).start()
        return self._answer(array, array)
