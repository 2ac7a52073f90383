"""Both clients, over both protocols, on a real server."""

from __future__ import annotations

import asyncio
import base64
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent import futures
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import tritonclient.grpc
import tritonclient.http
from absl.testing import absltest, parameterized
from tritonclient.utils import shared_memory

from mlflow_backend.client import (
    AsyncTritonModel,
    DeadlineError,
    InferenceError,
    InputError,
    ModelNotFoundError,
    Options,
    TritonModel,
    UnavailableError,
)
from mlflow_backend_utils.server import TritonServer
from mlflow_backend_utils.server.triton_server import free_ports
from tests.certificates import certificates
from tests.e2e import shared_server

_MODULES = {"grpc": tritonclient.grpc, "http": tritonclient.http}
_CLIENTS = [("grpc", False), ("grpc", True), ("http", False), ("http", True)]
_PATIENCE = 180.0


class Blocking:
    """The asynchronous client with the calls of the synchronous one, so that one test asks both."""

    def __init__(self, *args: Any, **kwargs: Any):
        self._loop = asyncio.new_event_loop()

        async def make() -> AsyncTritonModel:
            return AsyncTritonModel(*args, **kwargs)

        self._model = self._loop.run_until_complete(make())

    def __enter__(self) -> Blocking:
        return self

    def __exit__(self, *error: object) -> None:
        self._loop.run_until_complete(self._model.close())
        self._loop.close()

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._loop.run_until_complete(self._model(*args, **kwargs))

    def __getattr__(self, name: str) -> Any:
        function = getattr(self._model, name)
        return lambda *args, **kwargs: self._loop.run_until_complete(function(*args, **kwargs))

    def predict_stream(self, *args: Any, **kwargs: Any) -> Iterator[Any]:
        pieces = self._model.predict_stream(*args, **kwargs)
        try:
            while True:
                yield self._loop.run_until_complete(anext(pieces))
        except StopAsyncIteration:
            return
        finally:
            self._loop.run_until_complete(pieces.aclose())


def open_model(
    server: TritonServer, protocol: str, is_async: bool, name: str, version: str = "", **options: Any
) -> Any:
    """A client of a model, for a `with`."""
    url = f"{protocol}://{server.grpc_url if protocol == 'grpc' else server.http_url}"
    return (Blocking if is_async else TritonModel)(url, name, version, Options(**options))


class _Case(parameterized.TestCase, shared_server.SharedServerTest):
    # Models can be loaded and unloaded, and all of them are at the start.
    options = {"model_control": "explicit", "extra_args": ["--load-model=*"]}

    def _open(self, protocol: str, is_async: bool, name: str = "columns", **options: Any) -> Any:
        """A client for as long as the test runs; options are those of `open_model`."""
        return self.enterContext(open_model(self.server, protocol, is_async, name, **options))


@parameterized.product(client=_CLIENTS)
class PredictTest(_Case):
    def test_columns(self, client: tuple[str, bool]) -> None:
        model = self._open(*client)
        days = pd.to_datetime(["2024-02-28", "2024-02-29"])
        frame = pd.DataFrame({"when": days, "number": [1.0, 2.0], "text": ["ä", ""]})
        wanted = pd.DataFrame({"number": [1.0, 2.0], "text": ["ä", ""], "when": days + pd.Timedelta(days=1)})
        for data in (
            frame,
            frame.to_dict("list"),
            frame.to_dict("records"),
            frame[["number", "text", "when"]].to_numpy().tolist(),
        ):
            pd.testing.assert_frame_equal(model.predict(data), wanted, check_dtype=False)
        for answer in (
            model(frame),
            model(frame["number"], frame["text"], frame["when"]),
            model(text=["ä", ""], number=[1.0, 2.0], when=days),
        ):
            pd.testing.assert_frame_equal(answer, wanted, check_dtype=False)
        self.assertEqual(answer["number"].dtype, np.float64)
        self.assertEqual(answer["when"].dtype.kind, "M")

    def test_optional_columns(self, client: tuple[str, bool]) -> None:
        model = self._open(*client)
        for answer in (model.predict({"number": [1.0]}), model([1.0]), model(number=1.0), model(pd.Series([1.0]))):
            self.assertEqual(answer["text"].tolist(), ["-"])
            self.assertTrue(answer["when"].isna().all())

    def test_params(self, client: tuple[str, bool]) -> None:
        model = self._open(*client)
        self.assertEqual(model.predict({"number": [2.0]}, params={"factor": 3.0})["number"].tolist(), [6.0])
        self.assertEqual(model(number=[2.0, 4.0], factor=0.5)["number"].tolist(), [1.0, 2.0])

    def test_tensor(self, client: tuple[str, bool]) -> None:
        model = self._open(*client, name="image")
        array = np.array([[1, 2], [3, 4]], np.float32)
        for data in (array, array.tolist(), pd.DataFrame(array), {"input-0": array}):
            answer = model.predict(data)
            self.assertEqual((answer.dtype, answer.tolist()), (np.float32, [3.0, 7.0]))
        self.assertEqual(model(array).tolist(), [3.0, 7.0])

    def test_wrong_input(self, client: tuple[str, bool]) -> None:
        model = self._open(*client)
        with self.assertRaisesRegex(InputError, "either by position or by name, not both"):
            model([1.0], text=["x"])
        with self.assertRaisesRegex(InputError, r"input 'number' is missing; the data has \['text'\]"):
            model.predict({"text": ["x"]})
        with self.assertRaisesRegex(InputError, "input 'other' is unknown; the model's inputs are 'number', 'text'"):
            model(number=[1.0], other=[1.0])

    def test_errors_of_the_model(self, client: tuple[str, bool]) -> None:
        model = self._open(*client)
        with self.assertRaisesRegex(InferenceError, "ValueError: no negative numbers") as caught:
            model.predict({"number": [-1.0]})
        self.assertIs(type(caught.exception), InferenceError)
        self.assertEqual(caught.exception.status, "INVALID_ARGUMENT")
        with self.assertRaisesRegex(InferenceError, "batch-size must be <= 64"):
            model.predict({"number": np.ones(65)})

    def test_unknown_model(self, client: tuple[str, bool]) -> None:
        for model in (self._open(*client, name="nobody"), self._open(*client, version="7")):
            with self.assertRaisesRegex(ModelNotFoundError, "unknown model"):
                model.predict({"number": [1.0]})

    def test_deadline(self, client: tuple[str, bool]) -> None:
        model = self._open(*client, deadline=4.0)
        self.assertEqual(model.predict({"number": [1.0]})["number"].tolist(), [1.0])
        start = time.monotonic()
        with self.assertRaises(DeadlineError):
            model.predict({"number": [1.0]}, params={"seconds": 6.0})
        self.assertBetween(time.monotonic() - start, 3.9, 5.9)

    def test_unreachable(self, client: tuple[str, bool]) -> None:
        protocol, is_async = client
        (port,) = free_ports(1)
        kind = Blocking if is_async else TritonModel
        with kind(f"{protocol}://127.0.0.1:{port}", "m", options=Options(retries=1, backoff=0.3)) as model:
            start = time.monotonic()
            with self.assertRaises(UnavailableError) as caught:
                model.predict([1.0])
            self.assertEqual(caught.exception.status, "UNAVAILABLE")
            self.assertGreater(time.monotonic() - start, 0.3)


@parameterized.product(is_async=[False, True])
class StreamTest(_Case):
    def _words(self, model: Any, *args: Any, **kwargs: Any) -> list[str]:
        return [word for piece in model.predict_stream(*args, **kwargs) for word in piece["word"]]

    def test_pieces(self, is_async: bool) -> None:
        model = self._open("grpc", is_async, "words")
        self.assertEqual(self._words(model, ["one zwölf three"]), ["one", "zwölf", "three"])
        self.assertEmpty(self._words(model, [""]))

    def test_one_answer(self, is_async: bool) -> None:
        model = self._open("grpc", is_async, "words")
        self.assertEqual(model.predict(["a b"])["word"].tolist(), ["A B"])
        self.assertEqual(model(text="a b")["word"].tolist(), ["A B"])

    def test_of_a_model_without_pieces(self, is_async: bool) -> None:
        model = self._open("grpc", is_async, "image")
        self.assertEqual([piece.tolist() for piece in model.predict_stream(np.ones((1, 2)))], [[2.0]])

    def test_closing_cancels(self, is_async: bool) -> None:
        model = self._open("grpc", is_async, "words")
        pieces = model.predict_stream(["on and"], params={"endless": True, "seconds": 0.01})
        self.assertEqual([next(pieces)["word"][0] for _ in range(3)], ["on", "and", "on"])
        pieces.close()
        end = time.monotonic() + _PATIENCE
        # There are eight threads for streams; sixteen answers more get through only if each is ended.
        for _ in range(16):
            pieces = model.predict_stream(["again"], params={"endless": True, "seconds": 0.01})
            self.assertEqual(next(pieces)["word"].tolist(), ["again"])
            pieces.close()
            self.assertLess(time.monotonic(), end)

    def test_errors(self, is_async: bool) -> None:
        model = self._open("grpc", is_async, "words")
        pieces = model.predict_stream(["a stop b"])
        self.assertEqual(next(pieces)["word"].tolist(), ["a"])
        with self.assertRaisesRegex(InferenceError, "ValueError: no further"):
            next(pieces)

    def test_deadline(self, is_async: bool) -> None:
        model = self._open("grpc", is_async, "words", deadline=1.5)
        with self.assertRaisesRegex(DeadlineError, "no piece came in 1.5 s."):
            self._words(model, ["late"], params={"seconds": 4.0})

    def test_needs_grpc(self, is_async: bool) -> None:
        model = self._open("http", is_async, "words")
        with self.assertRaisesRegex(InputError, "an answer in pieces needs gRPC"):
            self._words(model, ["a"])
        with self.assertRaisesRegex(InputError, "an answer in pieces needs gRPC"):
            model.predict(["a"])


@parameterized.product(client=_CLIENTS)
class ManagementTest(_Case):
    """Every call of `calls.MANAGEMENT`."""

    def _json(self, client: tuple[str, bool], answer: Any) -> Any:
        """Over gRPC, an answer is a message."""
        if client[0] == "http":
            return answer
        from google.protobuf import json_format

        return json_format.MessageToDict(answer, preserving_proto_field_name=True)

    def test_server(self, client: tuple[str, bool]) -> None:
        model = self._open(*client)
        self.assertTrue(model.is_server_live())
        self.assertTrue(model.is_server_ready())
        self.assertEqual(self._json(client, model.get_server_metadata())["name"], "triton")

    def test_model(self, client: tuple[str, bool]) -> None:
        model = self._open(*client)
        self.assertTrue(model.is_model_ready())
        self.assertFalse(model.is_model_ready("nobody"))
        self.assertEqual(self._json(client, model.get_model_metadata())["name"], "columns")
        self.assertEqual(self._json(client, model.get_model_metadata(model_name="image"))["name"], "image")
        config = self._json(client, model.get_model_config())
        self.assertEqual(config.get("config", config)["backend"], "mlflow")
        with self.assertRaises(ModelNotFoundError):
            model.get_model_metadata("nobody")

    def test_repository(self, client: tuple[str, bool]) -> None:
        model = self._open(*client, name="image")

        def is_ready() -> bool:
            found = self._json(client, model.get_model_repository_index())
            entries = found if isinstance(found, list) else found["models"]
            self.assertContainsSubset(["columns", "image", "words"], [entry["name"] for entry in entries])
            return {entry["name"]: entry.get("state") for entry in entries}["image"] == "READY"

        self.assertTrue(is_ready())
        model.unload_model()
        end = time.monotonic() + _PATIENCE
        while is_ready():
            self.assertLess(time.monotonic(), end)
            time.sleep(0.1)
        with self.assertRaises(ModelNotFoundError):
            model.predict(np.ones((1, 2)))
        model.load_model()
        self.assertTrue(is_ready())
        self.assertEqual(model.predict(np.ones((1, 2))).tolist(), [2.0])
        with self.assertRaisesRegex(InferenceError, "nobody"):
            model.load_model("nobody")

    def test_infer(self, client: tuple[str, bool]) -> None:
        model = self._open(*client, name="image")
        module = _MODULES[client[0]]
        tensor = module.InferInput("input-0", [1, 2], "FP32")
        tensor.set_data_from_numpy(np.ones((1, 2), np.float32))
        self.assertEqual(model.infer(inputs=[tensor]).as_numpy("output-0").tolist(), [[2.0]])
        self.assertEqual(model.infer("image", [tensor]).as_numpy("output-0").tolist(), [[2.0]])

    def test_statistics(self, client: tuple[str, bool]) -> None:
        model = self._open(*client)
        model.predict({"number": [1.0]})
        (own,) = self._json(client, model.get_inference_statistics())["model_stats"]
        self.assertEqual(own["name"], "columns")
        self.assertGreater(int(own["inference_count"]), 0)
        self.assertLen(self._json(client, model.get_inference_statistics(model_name=""))["model_stats"], 3)

    def test_log_settings(self, client: tuple[str, bool]) -> None:
        model = self._open(*client)

        def level() -> int:
            settings = self._json(client, model.get_log_settings())
            settings = settings.get("settings", settings)
            value = settings["log_verbose_level"]
            return int(value["uint32_param"] if isinstance(value, dict) else value)

        before = level()
        model.update_log_settings({"log_verbose_level": before + 1})
        self.assertEqual(level(), before + 1)
        model.update_log_settings({"log_verbose_level": before})
        self.assertEqual(level(), before)

    def test_trace_settings(self, client: tuple[str, bool]) -> None:
        model = self._open(*client)

        def rate(**arguments: Any) -> str:
            settings = self._json(client, model.get_trace_settings(**arguments))
            settings = settings.get("settings", settings)
            value = settings["trace_rate"]
            return str(value["value"][0] if isinstance(value, dict) else value)

        before = rate()
        model.update_trace_settings(settings={"trace_rate": "500"})
        self.assertEqual((rate(), rate(model_name="")), ("500", before))
        model.update_trace_settings(settings={"trace_rate": None})
        self.assertEqual(rate(), before)

    def test_system_shared_memory(self, client: tuple[str, bool]) -> None:
        model = self._open(*client, name="image")
        region = shared_memory.create_shared_memory_region("pair", f"/client_test_{os.getpid()}", 8)
        self.addCleanup(shared_memory.destroy_shared_memory_region, region)
        shared_memory.set_shared_memory_region(region, [np.ones((1, 2), np.float32)])

        def names() -> list[str]:
            status = self._json(client, model.get_system_shared_memory_status())
            return [entry["name"] for entry in status] if isinstance(status, list) else list(status.get("regions", {}))

        model.register_system_shared_memory("pair", f"/client_test_{os.getpid()}", 8)
        self.assertEqual(names(), ["pair"])
        tensor = _MODULES[client[0]].InferInput("input-0", [1, 2], "FP32")
        tensor.set_shared_memory("pair", 8)
        self.assertEqual(model.infer(inputs=[tensor]).as_numpy("output-0").tolist(), [[2.0]])
        with self.assertRaisesRegex(InferenceError, "(?i)shared memory region"):
            model.register_system_shared_memory("pair", "/client_test_nothing", 8)
        model.unregister_system_shared_memory("pair")
        self.assertEmpty(names())

    def test_cuda_shared_memory(self, client: tuple[str, bool]) -> None:
        model = self._open(*client)
        status = self._json(client, model.get_cuda_shared_memory_status())
        self.assertEmpty(status.get("regions", []) if isinstance(status, dict) else status)
        # There is no device; where there is one, the handle is not of it.
        with self.assertRaises(InferenceError):
            model.register_cuda_shared_memory("gpu", base64.b64encode(bytes(64)), 0, 8)
        model.unregister_cuda_shared_memory("gpu")
        model.unregister_cuda_shared_memory()


class StreamCallsTest(_Case):
    """Calls that only some clients have."""

    def _tensor(self, text: str) -> Any:
        tensor = tritonclient.grpc.InferInput("text", [1, 1], "BYTES")
        tensor.set_data_from_numpy(np.array([[text.encode()]], object))
        return tensor

    def test_stream_infer(self) -> None:
        async def ask() -> list[str]:
            async with AsyncTritonModel(f"grpc://{self.server.grpc_url}", "words") as model:

                async def requests() -> Any:
                    yield {"model_name": "words", "inputs": [self._tensor("a b")]}

                words = []
                answers = model.stream_infer(requests())
                while len(words) < 2:
                    result, error = await anext(answers)
                    self.assertIsNone(error)
                    words.append(result.as_numpy("word").ravel()[0].decode())
                return words

        self.assertEqual(asyncio.run(ask()), ["a", "b"])

    def test_async_stream_infer(self) -> None:
        words: list[str] = []
        done = threading.Event()

        def take(result: Any, error: Any) -> None:
            words.append(str(error) if error else result.as_numpy("word").ravel()[0].decode())
            if len(words) == 2:
                done.set()

        model = self._open("grpc", False, "words")
        model.start_stream(take)
        model.async_stream_infer(inputs=[self._tensor("a b")])
        self.assertTrue(done.wait(_PATIENCE))
        model.stop_stream()
        self.assertEqual(words, ["a", "b"])

    def test_many_at_once(self) -> None:
        async def ask(url: str) -> list[float]:
            async with AsyncTritonModel(url, "columns") as model:
                answers = await asyncio.gather(*(model.predict({"number": [float(n)]}) for n in range(20)))
                return [answer["number"][0] for answer in answers]

        for url in (f"grpc://{self.server.grpc_url}", f"http://{self.server.http_url}"):
            self.assertEqual(asyncio.run(ask(url)), [float(n) for n in range(20)])

    def test_threads(self) -> None:
        model = self._open("grpc", False)
        found: dict[int, float] = {}
        threads = [
            threading.Thread(target=lambda n=n: found.update({n: model.predict({"number": [float(n)]})["number"][0]}))
            for n in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(_PATIENCE)
        self.assertEqual(found, {n: float(n) for n in range(8)})


class RestartTest(absltest.TestCase):
    def test_a_server_that_comes_back(self) -> None:
        http_port, grpc_port = free_ports(2)

        def server(name: str) -> TritonServer:
            models = Path(os.environ["TEST_TMPDIR"], name)
            return shared_server.new_server(models, ["image"], http_port=http_port, grpc_port=grpc_port)

        array = np.ones((1, 2))
        asked = threading.Barrier(len(_CLIENTS) + 1)
        gone = threading.Event()

        def ask(client: tuple[str, bool]) -> list[Any]:
            # Minutes of patience, all in all.
            with open_model(first, *client, "image", retries=60, backoff=0.25) as model:
                before = model.predict(array).tolist()
                asked.wait(_PATIENCE)
                gone.wait(_PATIENCE)
                return [before, model.predict(array).tolist()]

        with futures.ThreadPoolExecutor(len(_CLIENTS)) as threads:
            with server("first") as first, open_model(first, "grpc", False, "image", retries=0) as hasty:
                answers = [threads.submit(ask, client) for client in _CLIENTS]
                self.assertEqual(hasty.predict(array).tolist(), [2.0])
                asked.wait(_PATIENCE)
                first.stop()
                with self.assertRaises(UnavailableError):
                    hasty.predict(array)
            gone.set()
            with server("second"):
                for answer in answers:
                    self.assertEqual(answer.result(_PATIENCE), [[2.0], [2.0]])


class EncryptedTest(absltest.TestCase):
    """gRPC over TLS, with an authority that only this machine knows."""

    def test_predict(self) -> None:
        folder = Path(self.create_tempdir().full_path)
        files = certificates.make(folder)
        options = {"server-cert": files.certificate, "server-key": files.key}
        words = ["--grpc-use-ssl=true", *(f"--grpc-{name}={path}" for name, path in options.items())]
        server = shared_server.new_server(folder / "models", ["columns"], extra_args=words)
        # gRPC reads its authorities once a process.
        program = (
            "import sys; from mlflow_backend.client import TritonModel\n"
            "with TritonModel(sys.argv[1], 'columns') as model: print(model.is_model_ready())"
        )
        environ = {"PYTHONPATH": os.pathsep.join(sys.path), "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH": str(files.certificate)}
        with server:
            for scheme, wanted in (("grpcs", "True"), ("grpc", "UnavailableError")):
                url = f"{scheme}://localhost:{server.grpc_url.rpartition(':')[2]}"
                command = [sys.executable, "-B", "-c", program, url]
                done = subprocess.run(
                    command, env=environ, capture_output=True, text=True, timeout=_PATIENCE, check=False
                )
                self.assertIn(wanted, done.stdout + done.stderr)


if __name__ == "__main__":
    absltest.main()
