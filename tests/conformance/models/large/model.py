"""Big and kept tensors, and the free bytes of the region."""

import gc
import hashlib

import numpy as np
import triton_python_backend_utils as pb_utils
from model_helpers import free_memory, mode, parameters, respond, result


class TritonPythonModel:
    def initialize(self, args):
        self.kept = []
        self.requests = []

    def execute(self, requests):
        return [getattr(self, "do_" + mode(request))(request) for request in requests]

    def do_free(self, request):
        return respond(free_memory())

    def do_digest(self, request):
        data = pb_utils.get_input_tensor_by_name(request, "DATA").as_numpy()
        return respond(hashlib.sha256(np.ascontiguousarray(data)).hexdigest())

    def do_make(self, request):
        array = np.arange(parameters(request)["size"], dtype=np.uint64).astype(np.uint8)
        return pb_utils.InferenceResponse([pb_utils.Tensor("OUT", array)])

    def do_echo(self, request):
        data = pb_utils.get_input_tensor_by_name(request, "DATA").as_numpy()
        return pb_utils.InferenceResponse([pb_utils.Tensor("OUT", data)])

    def do_write(self, request):
        data = pb_utils.get_input_tensor_by_name(request, "DATA").as_numpy()
        facts = result({"writeable": data.flags.writeable, "aligned": data.flags.aligned})
        data += 1
        return pb_utils.InferenceResponse([pb_utils.Tensor("OUT", data), facts])

    def do_keep(self, request):
        data = pb_utils.get_input_tensor_by_name(request, "DATA").as_numpy()
        self.kept.append((data, data.tobytes()))
        return respond(len(self.kept))

    def do_check(self, request):
        return respond([data.tobytes() == copy for data, copy in self.kept].count(True))

    def do_keep_request(self, request):
        self.requests.append(request)
        return respond(len(self.requests))

    def do_check_requests(self, request):
        return respond(
            [
                [
                    kept.request_id(),
                    parameters(kept)["number"],
                    int(pb_utils.get_input_tensor_by_name(kept, "DATA").as_numpy().sum()),
                ]
                for kept in self.requests
            ]
        )

    def do_drop(self, request):
        self.kept.clear()
        self.requests.clear()
        gc.collect()
        return respond(free_memory())
