"""Runs small Python models on a real Triton server, through the stub under test.

Environment of a test (paths are absolute or below the runfiles):
  STUB: the stub under test.
  STUB_KIND: `own` or `shipped`; see differences.py.
  EXECUTION_ENV: an execution environment as a folder, with NumPy.
  EXECUTION_ENV_ARCHIVE: the same as an archive.
  TRITON_RELEASE: the server's release; the server is asked if not given.
  TRITONSERVER: the program `tritonserver`; SERVER_FILE, a file with the folder of an installed server, goes before.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import functools
import json
import os
import tempfile
import time
import unittest
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import tritonclient.grpc as grpcclient
from absl.testing import parameterized
from tritonclient.utils import InferenceServerException, np_to_triton_dtype

from mlflow_backend_utils.server import TritonServer, releases
from tests.conformance import differences, processes, repository, sanitizers
from tests.conformance.repository import Model

# A request or a load that takes longer hangs.
REQUEST_SECONDS = 20.0
STOP_SECONDS = 10.0


def setting(variable: str) -> Path:
    """The file that an environment variable of the test names."""
    value = os.environ[variable]
    return Path(value) if value.startswith("/") else Path(os.environ["RUNFILES_DIR"], value)


@functools.lru_cache
def tritonserver() -> Path:
    """The server's program: the user's own, else that of the wheel."""
    if os.environ.get("SERVER_FILE"):
        installed = setting("SERVER_FILE").read_text(encoding="utf-8").strip()
        if installed:
            return Path(installed, "bin", "tritonserver")
    return setting("TRITONSERVER")


@functools.lru_cache
def release() -> str:
    """The server's release, such as `24.10`."""
    given = os.environ.get("TRITON_RELEASE")
    if given and tritonserver() == setting("TRITONSERVER"):
        return given
    with (
        tempfile.TemporaryDirectory(dir=os.environ.get("TEST_TMPDIR")) as models,
        running_server(Path(models)) as server,
        grpcclient.InferenceServerClient(server.grpc_url) as client,
    ):
        return releases.release_of(client.get_server_metadata().version)


def needs_release(first: str, what: str) -> Callable[[Any], Any]:
    """Decorates a test, or a class of tests, that servers before release `first` cannot pass, for lack of `what`."""

    def decorate(test: Any) -> Any:
        if isinstance(test, type):
            set_up = test.setUpClass  # type: ignore[attr-defined]

            def set_up_or_skip(cls: Any) -> None:
                _skip_before(first, what)
                set_up.__func__(cls)

            test.setUpClass = classmethod(set_up_or_skip)  # type: ignore[attr-defined]
            return test

        @functools.wraps(test)
        def run_or_skip(*args: Any, **kwargs: Any) -> Any:
            _skip_before(first, what)
            return test(*args, **kwargs)

        return run_or_skip

    return decorate


def _skip_before(first: str, what: str) -> None:
    if release() < first:
        raise unittest.SkipTest(f"{what}: from {first} on, and this is {release()}")


def stub_libraries() -> Path | None:
    """Folder of the libraries that the shipped stub is linked with; our own needs none."""
    return tritonserver().parents[3] / "nvidia_pytriton.libs" if os.environ["STUB_KIND"] == "shipped" else None


def environment() -> Path:
    """The execution environment; the real folder, as links may lead out of a sandbox."""
    return setting("EXECUTION_ENV").resolve()


def libpython() -> Path:
    """The library of the Python that is embedded: of the environment, which need not be that of this test."""
    (library,) = (environment() / "lib").glob("libpython3.*.so.1.0")
    return library


def own_libc(*folders: Path) -> list[str]:
    """What starts a program on the C library of the environment, and libraries of `folders`, if its Python needs that.

    Server and stub need the same one: the condition variables that they share changed in glibc 2.41.
    """
    loader = environment() / "bin" / "ld.so"
    if not loader.exists():
        return []
    return [str(loader), "--library-path", ":".join(map(str, [environment() / "lib" / "glibc", *folders]))]


@functools.lru_cache
def stub() -> Path:
    """The stub to install in models: a script that starts it, if it needs the C library of its environment."""
    program, launcher = setting("STUB"), own_libc(environment() / "lib")
    if not launcher:
        return program
    script = Path(tempfile.mkdtemp(dir=os.environ.get("TEST_TMPDIR")), repository.STUB)
    command = ["exec", *launcher, "--argv0", '"$0"', str(program.resolve()), '"$@"']
    script.write_text("#!/bin/sh\n" + " ".join(command) + "\n", encoding="utf-8")
    return script


def same_environment(prefix: str | Path, wanted: Path) -> bool:
    """Whether a model's `sys.prefix` is that of an environment: Python follows links, which sandboxes are made of."""
    return (Path(prefix) / "bin" / "python3").resolve() == (wanted / "bin" / "python3").resolve()


def tensors(inputs: Mapping[str, np.ndarray]) -> list[grpcclient.InferInput]:
    """Arrays as inputs of a gRPC request."""
    result = []
    for name, array in inputs.items():
        one = grpcclient.InferInput(name, list(array.shape), np_to_triton_dtype(array.dtype))
        one.set_data_from_numpy(array)
        result.append(one)
    return result


class ServerTest(parameterized.TestCase):
    """A test case with one server for all its tests.

    After each test the server must live; after the last it must stop within 10 s and leave nothing behind.
    """

    # Loaded before the first test, all at once.
    MODELS: ClassVar[Sequence[Model]] = ()
    SERVER_ARGS: ClassVar[Sequence[str]] = ()
    # Costs a second and a process each load, so only tests about it switch it on.
    AUTO_COMPLETE: ClassVar[bool] = False

    repository: ClassVar[Path]
    server: ClassVar[TritonServer]
    client: ClassVar[grpcclient.InferenceServerClient]

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        scratch = cls.enterClassContext(tempfile.TemporaryDirectory(dir=os.environ.get("TEST_TMPDIR")))
        cls.repository = Path(scratch).resolve() / "models"
        cls.repository.mkdir()
        for model in cls.MODELS:
            cls.add(model)
        cls.server = cls.enterClassContext(
            running_server(cls.repository, cls.server_args(), cls.backends(Path(scratch)), cls.launcher())
        )
        cls.client = cls.enterClassContext(grpcclient.InferenceServerClient(cls.server.grpc_url))
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            list(pool.map(cls.load, [model.model_name for model in cls.MODELS]))

    @classmethod
    def enterClassContext(cls, manager: contextlib.AbstractContextManager[Any]) -> Any:
        """As in unittest from Python 3.11 on."""
        result = manager.__enter__()
        cls.addClassCleanup(manager.__exit__, None, None, None)
        return result

    @classmethod
    def server_args(cls) -> list[str]:
        """Further arguments of the server."""
        return [*cls.SERVER_ARGS, *([] if cls.AUTO_COMPLETE else ["--disable-auto-complete-config"])]

    @classmethod
    def launcher(cls) -> Sequence[str]:
        """A command that executes the server's command, which follows it."""
        return own_libc()

    @classmethod
    def backends(cls, scratch: Path) -> Sequence[Path]:
        """Folders of Python-based backends to install; they may be written below `scratch`."""
        del scratch
        return ()

    def tearDown(self) -> None:
        self.assertTrue(self.client.is_server_live(client_timeout=REQUEST_SECONDS), "the server is dead")
        super().tearDown()

    @classmethod
    def add(cls, model: Model) -> Path:
        """Write a model into the repository without loading it; returns its folder."""
        return repository.add_model(cls.repository, model, stub=stub(), environment=environment())

    @classmethod
    def load(cls, name: str, config: Mapping[str, Any] | None = None) -> None:
        """Load a model, perhaps with another config; raises InferenceServerException with the server's words."""
        text = json.dumps(config) if config else None
        cls.client.load_model(name, config=text, client_timeout=REQUEST_SECONDS)

    @classmethod
    def unload(cls, name: str) -> None:
        """Unload a model and wait until it is gone."""
        cls.client.unload_model(name, client_timeout=REQUEST_SECONDS)
        wait_for(lambda: cls.state(name) == "UNAVAILABLE", f"unloading {name}")

    @classmethod
    def state(cls, name: str) -> str:
        """State of a model in the server's index: READY, UNAVAILABLE, UNLOADING, ….; empty if it is unknown."""
        index = cls.client.get_model_repository_index(as_json=True).get("models", [])
        return next((entry.get("state", "UNAVAILABLE") for entry in index if entry["name"] == name), "")

    def serve(self, model: Model) -> None:
        """Add and load a model for the rest of this test."""
        self.add(model)
        self.load(model.model_name)
        self.addCleanup(self.unload, model.model_name)

    def load_error(self, model: Model) -> str:
        """Add a model that must not load; returns the server's words."""
        self.add(model)
        with self.assertRaises(InferenceServerException) as caught:
            self.load(model.model_name)
        return str(caught.exception.message())

    @classmethod
    def infer(
        cls,
        model: str,
        inputs: Mapping[str, np.ndarray] | None = None,
        outputs: Sequence[str] = ("RESULT",),
        parameters: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> dict[str, np.ndarray]:
        """Ask a model by gRPC.

        Args:
          model: its name.
          inputs: arrays by name; one number called IN if not given.
          outputs: names of the wanted outputs.
          parameters: request parameters; `mode` says what the conformance models shall do.
          **options: further arguments of tritonclient.

        Returns:
          The outputs that came, by name.

        Raises:
          InferenceServerException: the server answered with an error.
        """
        result = cls.client.infer(
            model,
            tensors(inputs if inputs is not None else {"IN": np.zeros(1, np.int32)}),
            outputs=[grpcclient.InferRequestedOutput(name) for name in outputs],
            parameters=dict(parameters or {}),
            client_timeout=REQUEST_SECONDS,
            **options,
        )
        return {output.name: result.as_numpy(output.name) for output in result.get_response().outputs}

    @classmethod
    def ask(cls, model: str, mode: str = "", **parameters: Any) -> Any:
        """Ask a model for its output RESULT, a JSON text; returns what it says."""
        answer = cls.infer(model, parameters={"mode": mode, **parameters})
        return json.loads(answer["RESULT"][0])

    @classmethod
    def infer_all(
        cls,
        model: str,
        inputs: Sequence[Mapping[str, np.ndarray] | None],
        outputs: Sequence[str] = ("RESULT",),
        parameters: Sequence[Mapping[str, Any]] | None = None,
        options: Sequence[Mapping[str, Any]] | None = None,
    ) -> list[Any]:
        """Ask a model several times at once; returns answers, or errors, in the order of the requests."""
        count = len(inputs)

        def one(index: int) -> Any:
            try:
                return cls.infer(
                    model,
                    inputs[index],
                    outputs,
                    parameters[index] if parameters else None,
                    **(options[index] if options else {}),
                )
            except InferenceServerException as error:
                return error

        with concurrent.futures.ThreadPoolExecutor(count) as pool:
            return list(pool.map(one, range(count)))

    def infer_error(self, model: str, *args: Any, **kwargs: Any) -> InferenceServerException:
        """Ask a model for an error."""
        with self.assertRaises(InferenceServerException) as caught:
            self.infer(model, *args, **kwargs)
        return caught.exception

    def assertAnswered(self, answers: Sequence[Any]) -> None:
        """No error among the answers of `infer_all`."""
        self.assertEqual([str(answer) for answer in answers if isinstance(answer, Exception)], [])

    def assertSameArray(self, got: np.ndarray, wanted: np.ndarray) -> None:
        """Same datatype, shape and bytes; for objects the same elements."""
        self.assertEqual((got.dtype, got.shape), (wanted.dtype, wanted.shape))
        if wanted.dtype == np.object_:
            self.assertEqual(got.tolist(), wanted.tolist())
        else:
            self.assertEqual(got.tobytes(), wanted.tobytes())

    def used_bytes(self, model: str, inputs: Mapping[str, np.ndarray] | None = None) -> int:
        """Bytes in use of the region of such a model, however often the region has grown."""
        free = self.free_bytes(model, inputs)
        return processes.region_bytes(self.server, model) - free

    def assertSameFree(self, before: int, after: int) -> None:
        """Nothing of the region was lost between two measurements, of free or used bytes, with many requests between.

        The allocator gives a chunk the whole gap where less than one unit of 16 bytes would be left, so a chunk that is
        kept for reuse may be one unit larger or smaller from time to time. A leak is at least one unit a request.
        """
        self.assertAlmostEqual(before, after, delta=64)

    def free_bytes(self, model: str, inputs: Mapping[str, np.ndarray] | None = None) -> int:
        """Free bytes of the region of a model that tells them when its mode is `free`."""

        def measure() -> int:
            return int(json.loads(self.infer(model, inputs, parameters={"mode": "free"})["RESULT"][0]))

        return self.settled(measure)

    @staticmethod
    def settled(measure: Callable[[], int]) -> int:
        """Free bytes of a region when nothing is under way any more: the log goes its own way, after the answers."""
        values = [measure()]
        while len(values) < 100 and values[-4:] != [values[-1]] * 4:
            time.sleep(0.02)
            values.append(measure())
        return values[-1]

    @staticmethod
    def by_stub(difference: str, own: Any, shipped: Any) -> Any:
        """What to expect where the shipped stub differs; `difference` is a key of the table that says why."""
        return shipped if differences.applies(difference) else own

    def skip_if_shipped(self, difference: str, before: str = "99.12") -> None:
        """Leave a test out where the shipped stub cannot pass it, or where that of servers before a release cannot."""
        if differences.applies(difference) and release() < before:
            self.skipTest(f"shipped stub: {differences.TABLE[difference]}")


@contextlib.contextmanager
def running_server(
    models: Path,
    args: Sequence[str] = (),
    backends: Sequence[Path] = (),
    launcher: Sequence[str] | None = None,
    *,
    may_leave: bool = False,
) -> Iterator[TritonServer]:
    """A server in explicit model control on a repository.

    Args:
      models: the repository.
      args: further arguments of the server.
      backends: folders of Python-based backends.
      launcher: a command that executes the server's command; `own_libc()` if not given.
      may_leave: for servers that are killed: what they leave behind is the test's business.

    Raises:
      AssertionError: the server died, took too long to stop, or left processes or shared memory, or a sanitizer of the
        stub found something.
    """
    with sanitizers.watched() as environ:
        libraries = stub_libraries()
        if libraries:
            environ["LD_LIBRARY_PATH"] = str(libraries)
        server = TritonServer(
            models,
            tritonserver(),
            backends,
            model_control="explicit",
            extra_args=args,
            launcher=own_libc() if launcher is None else launcher,
            env=environ,
            stop_seconds=STOP_SECONDS,
        )
        with server:
            pid = server.pid
            try:
                yield server
                if not may_leave:
                    alive = processes.process_state(pid) not in ("", "Z")
                    assert alive, f"the server died\n{_end(server)}"
            except BaseException:
                print(_end(server))
                raise
        if not may_leave:
            left = _leftovers(server)
            assert not left, f"left behind: {left}\n{_end(server)}"


def _leftovers(server: TritonServer) -> list[str]:
    """What a server and its stubs left behind.

    On a busy machine a server of 24.07 or 24.10 now and then waits for its own threads until it is killed, when all
    models are unloaded and no stub is left; that is told, and no stub's fault.
    """
    left = server.leftovers()
    if left and "Found 0 live models" in server.log_text():
        late = [one for one in left if one.startswith("the server, process")]
        if late:
            print(f"all models were unloaded, yet the server did not end: {late}")
        return [one for one in left if one not in late]
    return left


def _end(server: TritonServer) -> str:
    """The last lines of the server's log, shortened."""
    return "\n".join(line[:300] for line in server.log_text().splitlines()[-30:])


def wait_for(condition: Callable[[], bool], what: str, seconds: float = 10.0) -> float:
    """Wait until a condition holds; returns the seconds it took.

    Raises:
      AssertionError: it did not hold in time.
    """
    start = time.monotonic()
    while not condition():
        waited = time.monotonic() - start
        assert waited < seconds, f"{what}: not within {seconds:.0f} s"
        time.sleep(0.02)
    return time.monotonic() - start
