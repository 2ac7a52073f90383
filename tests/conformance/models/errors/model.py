"""Every way to fail: error responses, exceptions, results of the wrong kind."""

import numpy as np
import triton_python_backend_utils as pb_utils
from model_helpers import free_memory, mode, parameters, respond


class CustomError(Exception):
    """An exception of the model's own."""


class Unprintable(Exception):
    """Its text raises."""

    def __str__(self):
        raise RuntimeError("no text")


def chained():
    try:
        {}["missing"]
    except KeyError as error:
        raise RuntimeError("outer") from error


def throw(error):
    raise error


_RAISED = {
    "built_in": lambda: throw(ValueError("boom")),
    "custom": lambda: throw(CustomError("custom boom")),
    "model": lambda: throw(pb_utils.TritonModelException("model boom")),
    "chained": chained,
    "long": lambda: throw(ValueError("x" * 2_000_000)),
    "nul": lambda: throw(ValueError("before\0after")),
    "utf8": lambda: throw(ValueError("grüße 💥")),
    "empty": lambda: throw(ValueError()),
    "unprintable": lambda: throw(Unprintable()),
    "surrogate": lambda: throw(ValueError("lone \udcff surrogate")),
    "exit": lambda: throw(SystemExit(3)),
    "interrupt": lambda: throw(KeyboardInterrupt()),
    "conversion": lambda: int("x"),
    "recursion": lambda: recurse(),
}


def recurse():
    return recurse()


_RETURNED = {
    "text": lambda count: "text",
    "number": lambda count: 5,
    "tuple": lambda count: tuple(respond(1) for _ in range(count)),
    "numbers": lambda count: [1] * count,
    "short": lambda count: [],
    "long": lambda count: [respond(1)] * (count + 1),
    "tensors": lambda count: [pb_utils.Tensor("RESULT", np.zeros(1, np.float32))] * count,
}

_API = {
    "empty_name": lambda: pb_utils.Tensor("", np.zeros(1)),
    "list": lambda: pb_utils.Tensor("A", [1, 2]),
    "complex": lambda: pb_utils.Tensor("A", np.zeros(1, np.complex64)),
    "datetime": lambda: pb_utils.Tensor("A", np.zeros(1, "datetime64[s]")),
    "structured": lambda: pb_utils.Tensor("A", np.zeros(1, [("a", np.int32)])),
    "none_tensor": lambda: pb_utils.InferenceResponse([None]),
    "none_message": lambda: pb_utils.TritonError(None),
    "number_code": lambda: pb_utils.TritonError("text", 3),
}


class TritonPythonModel:
    def execute(self, requests):
        wanted = parameters(requests[0])
        if wanted.get("mode") == "raise":
            _RAISED[wanted["what"]]()
        if wanted.get("mode") == "return":
            return _RETURNED[wanted["what"]](len(requests))
        return [self.answer(request) for request in requests]

    def answer(self, request):
        wanted = parameters(request)
        if mode(request) == "free":
            return respond(free_memory())
        if mode(request) == "code":
            code = getattr(pb_utils.TritonError, wanted["code"])
            return pb_utils.InferenceResponse(error=pb_utils.TritonError("said no", code))
        if mode(request) == "error":
            return pb_utils.InferenceResponse(error=pb_utils.TritonError(wanted["text"]))
        if mode(request) == "error_and_output":
            response = pb_utils.InferenceResponse(
                [pb_utils.Tensor("RESULT", np.array([b"1"]))], pb_utils.TritonError("no")
            )
            assert response.has_error()
            return response
        if mode(request) == "describe":
            error = pb_utils.TritonError("text", pb_utils.TritonError.NOT_FOUND)
            response = pb_utils.InferenceResponse(error=error)
            good = respond(1)
            return respond(
                {
                    "message": error.message(),
                    "code": error.code() == pb_utils.TritonError.NOT_FOUND,
                    "default": pb_utils.TritonError("text").code() == pb_utils.TritonError.INTERNAL,
                    "has_error": [response.has_error(), good.has_error()],
                    "errors": [response.error().message(), good.error()],
                    "outputs": [tensor.name() for tensor in good.output_tensors()],
                    "subclass": issubclass(pb_utils.TritonModelException, Exception),
                }
            )
        if mode(request) == "api":
            try:
                _API[wanted["what"]]()
            except Exception as error:
                return respond([type(error).__name__, str(error)])
            return respond(None)
        return respond("fine")
