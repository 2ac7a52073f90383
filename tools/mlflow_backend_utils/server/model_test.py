"""Proves on a real Triton server that models answer what MLflow answers.

For each model of a repository:

1. its input example, asked over HTTP with JSON, HTTP with binary tensors, and gRPC, gives exactly what
   `mlflow.pyfunc.load_model(...).predict(...)` gives in the model's own environment: same types, same values;
2. the example with a missing value, without rows, and with 10,000 rows is answered like that too, or refused;
3. requests that are wrong are refused as the client's error, and the next good request is answered;
4. the user's --requests files give what they say.

At the end the server stops in time and leaves no process, shared memory or unpacked environment.
"""

from __future__ import annotations

import contextlib
import functools
import http.client
import json
import os
import sys
import tempfile
from collections.abc import Callable, Container, Sequence
from pathlib import Path
from typing import Any

from absl import app, flags

from mlflow_backend_utils.server import bad_requests, compare, driver, reference
from mlflow_backend_utils.server.clients import (
    Array,
    CannotEncodeError,
    Client,
    GrpcClient,
    HttpClient,
    ModelInfo,
    RequestRefusedError,
)
from mlflow_backend_utils.server.triton_server import ServerError, TritonServer

_REQUESTS = flags.DEFINE_multi_string(
    "requests", [], 'JSON file: {"model": …, "request": V2 request, "response": {"outputs": […]} or "error": text}.'
)


class Checks:
    """Runs checks, says how each went, and counts those that failed."""

    def __init__(self) -> None:
        self.failed = 0

    def run(self, name: str, check: Callable[[], None]) -> None:
        """Run one check; a MismatchError or a refused request is a failure, not the end."""
        try:
            check()
        except (compare.MismatchError, RequestRefusedError, OSError) as error:
            self.failed += 1
            print(f"FAILED {name}: {error}", flush=True)
        else:
            print(f"ok     {name}", flush=True)


class ModelCheck:
    """The checks of one model.

    Args:
      model: its name.
      info: what the server says about it.
      cases: what MLflow answers, by variant.
      clients: one a protocol.
      volatile: outputs that MLflow fills anew for each answer, such as an id.
    """

    def __init__(
        self,
        model: str,
        info: ModelInfo,
        cases: dict[str, reference.Case],
        clients: Sequence[Client],
        volatile: Container[str] = (),
    ):
        self._model = model
        self._volatile = volatile
        self._info = info
        self._cases = cases
        self._clients = [client for client in clients if self._can_speak(client)]
        self._good = compare.to_client_inputs(cases["example"].inputs, info.inputs)

    def _can_speak(self, client: Client) -> bool:
        """Whether the server has a form of the model's types for a protocol; says so where it has none."""
        if client.name == "HTTP JSON" and any(t.datatype == "FP16" for t in (*self._info.inputs, *self._info.outputs)):
            print(f"left out {self._model}, {client.name}: the server has no JSON form of FP16", flush=True)
            return False
        return True

    def run(self, checks: Checks) -> None:
        """Run them all; of a model that refuses its own example, only that the server's is a client error, too."""
        if self._cases["example"].error:
            for client in self._clients:
                name = f"{self._model}, {client.name}: refused input example"
                checks.run(name, functools.partial(self._refuses_example, client))
            return
        for client in self._clients:
            checks.run(
                f"{self._model}, {client.name}: input example", functools.partial(self._answers, client, "example")
            )
        for variant in ("missing", "empty", "many"):
            for client in self._clients:
                if variant in self._cases:
                    name = f"{self._model}, {client.name}: {variant}"
                    checks.run(name, functools.partial(self._answers_or_refuses, client, variant))
        texts = [
            info.name
            for tensor, info in compare.match(self._cases["example"].inputs, self._info.inputs, "inputs")
            if tensor.kind in ("text", "datetime")
        ]
        for what, inputs in bad_requests.bad_requests(self._good, self._info, texts):
            for client in self._clients:
                name = f"{self._model}, {client.name}: {what}"
                checks.run(name, functools.partial(self._refuses, client, inputs))

    def _answers(self, client: Client, variant: str) -> None:
        case = self._cases[variant]
        inputs = compare.to_client_inputs(case.inputs, self._info.inputs)
        names = [info.name for info in self._info.outputs]
        actual = client.infer(self._model, inputs, names)
        compare.check_outputs(case.outputs, self._info.outputs, actual, self._volatile)

    def _answers_or_refuses(self, client: Client, variant: str) -> None:
        """What MLflow answers may also be refused where JSON has no NaN or a batch has a limit, but properly."""
        case = self._cases[variant]
        try:
            if case.error:
                self._refuses(client, compare.to_client_inputs(case.inputs, self._info.inputs))
            else:
                self._answers(client, variant)
        except RequestRefusedError as error:
            rows = max(tensor.array.shape[0] for tensor in case.inputs)
            limited = not rows or 0 < self._info.max_batch_size < rows
            without_nan = variant == "missing" and client.name == "HTTP JSON"
            if not (limited or without_nan) or not error.is_client_error:
                raise
        self._answers(client, "example")

    def _refuses(self, client: Client, inputs: dict[str, Array]) -> None:
        if self._is_refused(client, inputs):
            self._answers(client, "example")

    def _refuses_example(self, client: Client) -> None:
        self._is_refused(client, self._good)

    def _is_refused(self, client: Client, inputs: dict[str, Array]) -> bool:
        """False if the client could not send the request.

        Raises:
          compare.MismatchError: the request was answered.
          RequestRefusedError: it was refused, but not as the client's error.
        """
        try:
            client.infer(self._model, inputs, [info.name for info in self._info.outputs])
        except RequestRefusedError as error:
            if not error.is_client_error:
                raise
            return True
        except CannotEncodeError:
            return False
        raise compare.MismatchError("was answered, but should have been refused")


def post(url: str, path: str, body: bytes) -> tuple[int, Any]:
    """Status and parsed JSON of a POST; the text itself where it is no JSON."""
    connection = http.client.HTTPConnection(url, timeout=120)
    with contextlib.closing(connection):
        connection.request("POST", path, body, {"Content-Type": "application/json"})
        response = connection.getresponse()
        text = response.read().decode(errors="replace")
    try:
        return response.status, json.loads(text)
    except ValueError:
        return response.status, text


def check_request_file(url: str, model: str, path: Path) -> None:
    """Ask what a --requests file says.

    Raises:
      compare.MismatchError: the answer is another one.
    """
    case = json.loads(path.read_text(encoding="utf-8"))
    status, answer = post(url, f"/v2/models/{case.get('model', model)}/infer", json.dumps(case["request"]).encode())
    if "error" in case:
        if status < 400 or case["error"] not in str(answer):
            raise compare.MismatchError(f"wanted an error with {case['error']!r}, got {status}: {answer}")
        return
    if status != 200:
        raise compare.MismatchError(f"got {status}: {answer}")
    outputs = {output["name"]: output for output in answer["outputs"]}
    for wanted in case["response"]["outputs"]:
        got = outputs.get(wanted["name"], {})
        different = {key: got.get(key) for key, value in wanted.items() if got.get(key) != value}
        if different:
            raise compare.MismatchError(f"output {wanted['name']!r}: wanted {wanted}, got {different}")


def check_broken_body(url: str, model: str) -> None:
    """A body that is no UTF-8 text, and one that is no JSON, must be refused."""
    for body in (b'{"inputs": "\xff\xfe"}', b"{", b""):
        status, answer = post(url, f"/v2/models/{model}/infer", body)
        # The server itself answers 500 where a body is JSON of the wrong form.
        if status < 400:
            raise compare.MismatchError(f"{body!r} got {status}: {answer}")


def run(scratch: Path, checks: Checks) -> None:
    """Start the server, run every check, and stop the server."""
    models = driver.repository(scratch)
    names = driver.model_names(models)
    cases = {}
    for name in names:
        folder = scratch / f"reference_{name}"
        folder.mkdir()
        cases[name] = reference.reference(models / name, folder)
    server = TritonServer(models, driver.tritonserver(), driver.backends())
    with server, contextlib.ExitStack() as stack:
        http_json = stack.enter_context(HttpClient(server.http_url, binary=False))
        clients: list[Client] = [
            http_json,
            stack.enter_context(HttpClient(server.http_url, binary=True)),
            stack.enter_context(GrpcClient(server.grpc_url)),
        ]
        for name in names:
            ModelCheck(name, http_json.model_info(name), cases[name], clients).run(checks)
            checks.run(f"{name}: broken bodies", functools.partial(check_broken_body, server.http_url, name))
        for path in _REQUESTS.value:
            checks.run(
                os.path.basename(path), functools.partial(check_request_file, server.http_url, names[0], Path(path))
            )

    def nothing_left() -> None:
        if server.leftovers():
            raise compare.MismatchError(f"left behind: {', '.join(server.leftovers())}")

    checks.run("the server stopped and left nothing behind", nothing_left)
    if checks.failed:
        print(f"--- the server's log\n{server.log_text()}", flush=True)


def main(argv: Sequence[str]) -> None:
    """Command line entry."""
    if len(argv) > 1:
        raise app.UsageError(f"unexpected argument {argv[1]!r}")
    checks = Checks()
    with tempfile.TemporaryDirectory(dir=os.environ.get("TEST_TMPDIR")) as scratch:
        try:
            run(Path(scratch), checks)
        except (driver.UsageError, reference.ReferenceError, ServerError, FileNotFoundError) as error:
            sys.exit(f"model_test: {error}")
    if checks.failed:
        sys.exit(f"{checks.failed} checks failed")


if __name__ == "__main__":
    app.run(main)
