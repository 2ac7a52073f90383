"""The program that build actions run."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from absl.testing import absltest

from tests.unit.config import mlmodel

# The paths that this test was started with; it may have been started in isolated mode.
_PROGRAM = (
    f"import sys; sys.path[:] = {sys.path!r}\n"
    "from absl import app\n"
    "from mlflow_backend_utils.config import write_config\n"
    "def main(argv):\n"
    "    write_config.main(argv)\n"
    "    print([name for name in ('mlflow', 'pandas', 'numpy', 'grpc') if name in sys.modules])\n"
    "app.run(main)\n"
)


class WriteConfigTest(absltest.TestCase):
    def _run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-B", "-I", "-c", _PROGRAM, *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    def setUp(self) -> None:
        super().setUp()
        self.folder = Path(self.create_tempdir().full_path)
        self.out = self.folder / "config.pbtxt"

    def test_flags(self) -> None:
        mlmodel.write(self.folder)
        handwritten = self.folder / "by_hand.pbtxt"
        handwritten.write_text("response_cache { enable: true }", encoding="utf-8")
        result = self._run(
            f"--model={self.folder}",
            f"--out={self.out}",
            "--name=m",
            "--max_batch_size=4",
            "--env_path=$$TRITON_MODEL_DIRECTORY/env",
            "--instance_count=2",
            "--instance_kind=KIND_CPU",
            "--dynamic_batching",
            "--max_queue_delay_microseconds=5",
            "--parameter=a=b=c",
            "--version_policy=all",
            "--priority_levels=3",
            "--queue_timeout_microseconds=700",
            "--max_queue_size=9",
            "--rate_limiter_resource=threads=4",
            "--rate_limiter_priority=2",
            f"--handwritten={handwritten}",
        )
        self.assertEqual((result.returncode, result.stdout), (0, "[]\n"), result.stderr)
        text = self.out.read_text(encoding="utf-8")
        for part in (
            'name: "m"',
            "max_batch_size: 4",
            "$$TRITON_MODEL_DIRECTORY/env",
            "count: 2",
            "max_queue_delay_microseconds: 5",
            'string_value: "b=c"',
            "all {",
            "default_priority_level: 2",
            "default_timeout_microseconds: 700",
            "max_queue_size: 9",
            'name: "threads"',
            "priority: 2",
            "response_cache {",
        ):
            self.assertIn(part, text)

    def test_errors_are_one_line(self) -> None:
        mlmodel.write(self.folder)
        for arguments, message in (
            ([f"--model={self.folder / 'none'}"], "no MLmodel file in it"),
            ([f"--model={self.folder}", "--parameter=x"], "--parameter is 'x'; write it as KEY=VALUE."),
            ([f"--model={self.folder}", "--rate_limiter_resource=a=x"], "is 'a=x'; write a number behind the '='."),
            ([f"--model={self.folder}", "--handwritten=/nowhere"], "/nowhere"),
        ):
            result = self._run(*arguments, f"--out={self.out}")
            self.assertEqual(result.returncode, 1)
            self.assertStartsWith(result.stderr, "write_config: ")
            self.assertIn(message, result.stderr)
            self.assertEqual(result.stderr.count("\n"), 1)
        self.assertFalse(self.out.exists())

    def test_is_fast(self) -> None:
        mlmodel.write(self.folder, inputs=[{"type": "double", "name": f"c{i}", "required": True} for i in range(100)])
        times = []
        for _ in range(5):
            start = time.monotonic()
            self._run(f"--model={self.folder}", f"--out={self.out}")
            times.append(time.monotonic() - start)
        print(f"config of 100 columns, whole process, best of five: {min(times) * 1000:.0f} ms")
        # The goal is 300 ms on an idle machine; tests share theirs.
        self.assertLess(min(times), 1.5)


if __name__ == "__main__":
    absltest.main()
