"""Answers the sum of every input by its name: names of each length shift the data behind them."""

import triton_python_backend_utils as pb_utils
from model_helpers import respond


class TritonPythonModel:
    def execute(self, requests):
        return [
            respond(
                {
                    tensor.name(): [
                        int(pb_utils.get_input_tensor_by_name(request, tensor.name()).as_numpy().sum()),
                        tensor.shape(),
                        bool(tensor.as_numpy().flags.aligned),
                    ]
                    for tensor in request.inputs()
                }
            )
            for request in requests
        ]
