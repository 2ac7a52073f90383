"""The parts of starting a server that need none; real servers are started by the tests of models and of the stub."""

import os
from pathlib import Path

from absl.testing import absltest

from mlflow_backend_utils.server import ServerError, TritonServer, backend_directory, triton_server

_PROGRAM = """\
#!/bin/sh
echo "arguments: $@"
echo "python: $PYTHONPATH"
{last}
"""


class TritonServerTest(absltest.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.folder = Path(self.create_tempdir().full_path)
        self.installation = self.folder / "wheel" / "pytriton" / "tritonserver"
        python = self.installation / "backends" / "python"
        python.mkdir(parents=True)
        (python / "libtriton_python.so").write_text("")
        (self.folder / "wheel" / "nvidia_pytriton.libs").mkdir()
        self.backend = self.folder / "mlflow"
        self.backend.mkdir()
        (self.backend / "model.py").write_text("")

    def program(self, last: str) -> Path:
        path = self.installation / "bin" / "tritonserver"
        path.parent.mkdir(exist_ok=True)
        path.write_text(_PROGRAM.format(last=last))
        path.chmod(0o755)
        return path

    def test_ports_differ(self) -> None:
        self.assertLen(set(triton_server.free_ports(20)), 20)

    def test_backend_directory(self) -> None:
        work = self.folder / "work"
        work.mkdir()
        top = backend_directory.compose(self.program("exit"), [self.backend], work)
        self.assertTrue((top / "mlflow" / "model.py").exists())
        self.assertTrue(os.access(top / "python" / "triton_python_backend_stub", os.X_OK))
        self.assertTrue((top / "../../../nvidia_pytriton.libs").exists())

    def test_backend_without_model_py(self) -> None:
        (self.backend / "model.py").unlink()
        with self.assertRaisesRegex(FileNotFoundError, "mlflow: no model.py"):
            backend_directory.compose(self.program("exit"), [self.backend], self.folder)

    def test_installation_without_python_backend(self) -> None:
        (self.installation / "backends" / "python" / "libtriton_python.so").unlink()
        with self.assertRaisesRegex(FileNotFoundError, "no backends/python/libtriton_python.so"):
            backend_directory.compose(self.program("exit"), [], self.folder)

    def test_server_that_ends(self) -> None:
        server = TritonServer(self.folder, self.program("exit 7"), [self.backend])
        with self.assertRaisesRegex(ServerError, "(?s)the server ended with status 7.*--http-address=127.0.0.1"):
            server.__enter__()
        self.assertEmpty(server.leftovers())
        self.assertIn("--backend-config=python,shm-region-prefix-name=mlflow_backend_", server.log_text())

    def test_server_that_is_never_ready(self) -> None:
        server = TritonServer(self.folder, self.program("exec sleep 60"), [], ready_seconds=0.3)
        with self.assertRaisesRegex(ServerError, "was not ready after 0 s"):
            server.__enter__()

    def test_stub_that_does_not_start(self) -> None:
        program = self.program(f"echo {backend_directory.NO_STUB}; exec sleep 60")
        with self.assertRaisesRegex(ServerError, "a model's stub does not start"):
            TritonServer(self.folder, program, []).__enter__()

    def test_lost_port_is_tried_again(self) -> None:
        server = TritonServer(self.folder, self.program("echo x >> $HOME/../count; echo already in use; exit 1"), [])
        os.environ["TEST_TMPDIR"], before = str(self.folder), os.environ.get("TEST_TMPDIR", "/tmp")
        try:
            with self.assertRaises(ServerError):
                server.__enter__()
        finally:
            os.environ["TEST_TMPDIR"] = before
        self.assertEqual((self.folder / "count").read_text().count("x"), 5)

    def test_the_callers_python_does_not_reach_the_server(self) -> None:
        os.environ["PYTHONPATH"] = "/callers/path"
        self.addCleanup(os.environ.pop, "PYTHONPATH")
        server = TritonServer(self.folder, self.program("exit 1"), [])
        with self.assertRaisesRegex(ServerError, "python: \n|python: $"):
            server.__enter__()


if __name__ == "__main__":
    absltest.main()
