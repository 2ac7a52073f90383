"""Entry point of the `mlflow` backend: what Triton calls, translated to `mlflow_backend` and back."""

import json
from pathlib import Path

import triton_python_backend_utils as pb_utils


class TritonPythonModel:
    """One instance of an MLflow model."""

    @staticmethod
    def auto_complete_config(auto_complete_model_config):
        """Complete the model's configuration; runs in a process of its own, so imports stay light."""
        from mlflow_backend import autocomplete

        return autocomplete.complete(auto_complete_model_config, Path(pb_utils.get_model_dir()))

    def initialize(self, args):
        """Load the model; an exception fails the load and is shown in the server's log."""
        from mlflow_backend import service

        self._service_module = service
        self._service = service.Service.load(Path(pb_utils.get_model_dir()), json.loads(args["model_config"]))

    def execute(self, requests):
        """Answer each request on its own."""
        return [_response(result) for result in self._service.answer(requests, self._read)]

    def _read(self, request):
        return self._service_module.Request(
            {tensor.name(): tensor.as_numpy() for tensor in request.inputs()},
            json.loads(request.parameters() or "{}"),
        )

    def finalize(self):
        """Let go of the model before the interpreter ends."""
        self._service = None


def _response(result):
    if isinstance(result, dict):
        return pb_utils.InferenceResponse([pb_utils.Tensor(name, array) for name, array in result.items()])
    code = getattr(pb_utils.TritonError, result.code)
    return pb_utils.InferenceResponse(error=pb_utils.TritonError(str(result), code))
