"""Parts that nobody gave are built in a checkout; a stand-in tells what it was asked to build."""

from __future__ import annotations

import os
from pathlib import Path
from unittest import mock

from absl.testing import absltest

from mlflow_backend_utils.messages.errors import BuildError, InputError
from mlflow_backend_utils.provision import parts

_BAZELW = """\
#!/bin/sh
echo "$@" >> calls
for target; do :; done
case "$1" in
info) printf 'execution_root: %s/execroot\\noutput_base: %s\\n' "$PWD" "$PWD" ;;
cquery)
    case "$target" in
    *:runtime) printf 'external/python/bin/python3.11\\nexternal/python/lib/os.py\\n' ;;
    *:tritonserver) echo external/triton/bin/tritonserver ;;
    *) echo "out/${target##*:}" ;;
    esac ;;
esac
"""


class PartsTest(absltest.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.folder = Path(self.create_tempdir().full_path)
        (self.folder / "bazelw").write_text(_BAZELW)
        (self.folder / "bazelw").chmod(0o755)
        # No server of the machine that runs this.
        self.enter_context(mock.patch.dict(os.environ, {"PATH": os.defpath}))
        self.enter_context(mock.patch.object(parts, "_INSTALLED", self.folder / "nowhere"))

    def test_everything_is_built(self) -> None:
        found = parts.gather(parts.Given(), "3.12", "24.10", self.folder)
        self.assertEqual(found.tritonserver, self.folder / "external/triton/bin/tritonserver")
        self.assertEqual(found.backend, self.folder / "execroot/out/mlflow")
        self.assertEqual(found.stub, self.folder / "execroot/out/triton_python_backend_stub")
        self.assertEqual(found.runtime, self.folder / "external/python")
        self.assertStartsWith(
            (self.folder / "calls").read_text(),
            "build --//config:python_version=3.12 --//config:triton_version=24.10 //third_party/triton:tritonserver "
            "//backend:mlflow //stub:triton_python_backend_stub //third_party/python:runtime\n",
        )

    def test_what_is_given_is_not_built(self) -> None:
        server, backend, stub, env = (Path(name) for name in ("server", "backend", "stub", "env"))
        found = parts.gather(parts.Given(server, backend, stub, env), "3.12", "24.10", None)
        self.assertEqual(found, parts.Parts(server, backend, stub, None))
        self.assertFalse((self.folder / "calls").exists())

    def test_an_installed_server_with_its_backend(self) -> None:
        server = self.folder / "tritonserver" / "bin" / "tritonserver"
        backend = self.folder / "tritonserver" / "backends" / "mlflow"
        server.parent.mkdir(parents=True)
        server.touch(0o755)
        backend.mkdir(parents=True)
        with mock.patch.object(parts, "_INSTALLED", server):
            found = parts.gather(parts.Given(), "3.12", "24.10", self.folder)
        self.assertEqual((found.tritonserver, found.backend), (server, backend))

    def test_nothing_to_build_in(self) -> None:
        with self.assertRaisesRegex(InputError, "to build backend, stub in; run inside one, or give --workspace"):
            parts.gather(parts.Given(tritonserver=Path("x"), env=Path("y")), "3.12", "24.10", None)

    def test_a_python_with_a_c_library_of_its_own(self) -> None:
        (self.folder / "external" / "python" / "bin").mkdir(parents=True)
        (self.folder / "external" / "python" / "bin" / "ld.so").touch()
        with self.assertRaisesRegex(BuildError, "runs only on the C library that came with it"):
            parts.gather(parts.Given(), "3.12", "24.10", self.folder)


if __name__ == "__main__":
    absltest.main()
