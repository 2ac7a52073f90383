"""What other models ask. Its input PLAN says what to do: requests of models have no parameters in 23.10."""

import json
import time

import numpy as np
import triton_python_backend_utils as pb_utils
from model_helpers import made_request, result, told


class TritonPythonModel:
    def initialize(self, args):
        self.name = args["model_name"]

    def execute(self, requests):
        return [self.answer(request) for request in requests]

    def answer(self, request):
        plan = json.loads(pb_utils.get_input_tensor_by_name(request, "PLAN").as_numpy().ravel()[0])
        time.sleep(plan.get("seconds", 0))
        if "failure" in plan:
            raise ValueError(plan["failure"])
        if "error" in plan:
            code = getattr(pb_utils.TritonError, plan["code"])
            return pb_utils.InferenceResponse(error=pb_utils.TritonError(plan["error"], code))
        if "ask" in plan:
            answer = told(made_request(plan["ask"]).exec())
            return pb_utils.InferenceResponse([result({"model": self.name, "answer": answer})])
        return pb_utils.InferenceResponse(
            [
                result({"model": self.name, "plan": plan}),
                pb_utils.Tensor("EMPTY", np.zeros((2, 0), np.float32)),
                pb_utils.Tensor("NUMBERS", np.arange(6, dtype=np.int64).reshape(2, 3)),
                pb_utils.Tensor("TEXTS", np.array([b"", b"a\0b", b"\xff\xfe"], np.object_)),
            ]
        )
