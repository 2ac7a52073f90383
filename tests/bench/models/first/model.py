"""Output `y`: the first value of input `x`. What it costs to send a tensor."""

import numpy as np
import triton_python_backend_utils as pb_utils


class TritonPythonModel:
    def execute(self, requests):
        firsts = [pb_utils.get_input_tensor_by_name(request, "x").as_numpy()[:1] for request in requests]
        return [pb_utils.InferenceResponse([pb_utils.Tensor("y", np.array(first))]) for first in firsts]
