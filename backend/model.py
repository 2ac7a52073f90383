"""Entry point of the `mlflow` backend: what Triton calls, translated to `mlflow_backend` and back."""

import json
import time
from pathlib import Path

import triton_python_backend_utils as pb_utils


class TritonPythonModel:
    """One instance of an MLflow model."""

    # Triton ends an instance that could not be loaded as well.
    _service = None
    _streams = None

    @staticmethod
    def auto_complete_config(auto_complete_model_config):
        """Complete the model's configuration; runs in a process of its own, so imports stay light."""
        from mlflow_backend import autocomplete

        return autocomplete.complete(auto_complete_model_config, Path(pb_utils.get_model_dir()))

    def initialize(self, args):
        """Load the model; an exception fails the load and is shown in the server's log."""
        from mlflow_backend import requestlog, service, streams

        device = service.Device(args["model_instance_kind"], int(args["model_instance_device_id"]))
        self._service_module = service
        self._service = service.Service.load(Path(pb_utils.get_model_dir()), json.loads(args["model_config"]), device)
        self._service.telemetry = _telemetry(args)
        self._service.telemetry.start()
        settings = self._service.settings
        self._log = requestlog.RequestLog(settings.log_requests, _labels(args), pb_utils.Logger.log_info)
        if settings.decoupled:
            self._streams = streams.Streams(settings.stream_threads)

    def execute(self, requests):
        """Answer each request on its own."""
        if self._streams is None:
            start = time.perf_counter()
            results = self._service.answer(requests, self._read)
            if self._log.wanted:
                self._log_batch(requests, results, time.perf_counter() - start)
            return [_response(result) for result in results]
        for request in requests:
            self._start_stream(request)
        return None

    def _log_batch(self, requests, results, seconds):
        for request, result in zip(requests, results, strict=True):
            error = None if isinstance(result, dict) else result
            self._log.add(request.request_id(), error, seconds, len(requests))

    def _start_stream(self, request):
        channel = _Channel(request, self._log)
        self._streams.start(lambda: self._service.stream(self._read(request), channel), channel)

    def _read(self, request):
        trace = request.trace() if hasattr(request, "trace") else None
        return self._service_module.Request(
            {tensor.name(): tensor.as_numpy() for tensor in request.inputs()},
            json.loads(request.parameters() or "{}"),
            trace.get_context() if hasattr(trace, "get_context") else None,
        )

    def is_ready(self):
        """Whether the model is loaded; servers from 26.03 on ask."""
        return self._service is not None

    def finalize(self):
        """Let go of the model before the interpreter ends."""
        if self._streams is not None:
            self._streams.close()
        if self._service is not None:
            self._service.telemetry.close()
        self._service = None


class _Channel:
    """The response sender of one request, for `mlflow_backend.streams`."""

    def __init__(self, request, log):
        self._request = request
        self._log = log
        self._start = time.perf_counter()
        self._sender = request.get_response_sender()

    def cancelled(self):
        return self._request.is_cancelled()

    def send(self, piece):
        self._sender.send(_response(piece))

    def end(self, error):
        if self._log.wanted:
            self._log.add(self._request.request_id(), error, time.perf_counter() - self._start)
        if error is None:
            self._sender.send(flags=pb_utils.TRITONSERVER_RESPONSE_COMPLETE_FINAL)
        else:
            self._sender.send(_response(error), flags=pb_utils.TRITONSERVER_RESPONSE_COMPLETE_FINAL)


class _Counter:
    """Adds to a metric; keeps its family, which a metric does not."""

    def __init__(self, family, labels):
        self._family = family
        self._metric = family.Metric(labels=labels)

    def __call__(self, value):
        self._metric.increment(value)


def _labels(args):
    # The server's own metrics call the first two so; instances must not share a metric.
    return {"model": args["model_name"], "version": args["model_version"], "instance": args["model_instance_name"]}


def _telemetry(args):
    from mlflow_backend import telemetry

    labels = _labels(args)

    def create(name, description):
        kind = pb_utils.MetricFamily.COUNTER
        return _Counter(pb_utils.MetricFamily(name=name, description=description, kind=kind), labels)

    try:
        return telemetry.Telemetry(create)
    except pb_utils.TritonModelException as error:
        pb_utils.Logger.log_info(f"no metrics of the mlflow backend: {error}")
        return telemetry.Telemetry()


def _response(result):
    if isinstance(result, dict):
        return pb_utils.InferenceResponse([pb_utils.Tensor(name, array) for name, array in result.items()])
    code = getattr(pb_utils.TritonError, result.code)
    return pb_utils.InferenceResponse(error=pb_utils.TritonError(str(result), code))
