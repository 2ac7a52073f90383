"""A Bazel of one's own inside a test: own output base, the real source tree, the user's fetch caches.

For tests of what a whole build does. The test needs the tags `local` (the nested Bazel makes its own sandboxes and
reads the source tree) and `exclusive` (it uses the whole machine), `env_inherit = NESTED_BAZEL_ENV` so that fetching
works as it does for the user, and `//:MODULE.bazel` in `data`, through which the source tree is found.
"""

import contextlib
import json
import os
import pathlib
import pwd
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence

# What Bazel sets for a test and must not leak into repository rules and nested tests.
_TEST_PREFIXES = (
    "TEST_",
    "RUNFILES_",
    "BAZEL_TEST",
    "GTEST_",
    "JAVA_RUNFILES",
    "PYTHON_RUNFILES",
    "XML_OUTPUT",
    "COVERAGE",
)


class BazelFailed(Exception):
    """A nested command failed; the message holds the command and the end of what it said."""


def source_tree(test_srcdir: str) -> pathlib.Path:
    """The folder of MODULE.bazel that the runfiles below `test_srcdir` link to.

    Raises:
      FileNotFoundError: `//:MODULE.bazel` is not in the test's data.
    """
    for repository in ("_main", "mlflow_backend", os.environ.get("TEST_WORKSPACE", "")):
        module = pathlib.Path(test_srcdir, repository, "MODULE.bazel")
        if module.exists():
            return module.resolve().parent
    raise FileNotFoundError(f"no MODULE.bazel in {test_srcdir}: add //:MODULE.bazel to the test's data")


def caller_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """The variables of `environ` that are not this test's, with HOME filled in from the user database."""
    kept = {name: value for name, value in environ.items() if not name.startswith(_TEST_PREFIXES)}
    kept.setdefault("HOME", pwd.getpwuid(os.getuid()).pw_dir)
    # The test runner puts "." in front, which would be the runfiles.
    kept["PATH"] = kept.get("PATH", os.defpath).removeprefix(".:")
    kept.pop("TMPDIR", None)
    return kept


class NestedBazel:
    """A Bazel server on `workspace` whose outputs live in `output_base`.

    Use `nested_bazel()`, which stops it and removes what it wrote.
    """

    def __init__(self, workspace: pathlib.Path, output_base: pathlib.Path) -> None:
        self.workspace = workspace
        self.output_base = output_base
        self._events = output_base.with_name(output_base.name + ".events.json")
        self._startup = [
            str(workspace / "bazelw"),
            f"--output_base={output_base}",
            "--host_jvm_args=-Xmx1g",
            "--max_idle_secs=120",
        ]

    def run(self, command: str, *arguments: str, seconds: float | None = None) -> str:
        """Runs `bazel COMMAND ARGUMENTS`; returns its standard output.

        Raises:
          BazelFailed: the exit status is not 0.
          subprocess.TimeoutExpired: it took longer than `seconds`.
        """
        started = time.monotonic()
        done = subprocess.run(
            [*self._startup, command, *arguments],
            cwd=self.workspace,
            env=caller_environment(os.environ),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
        print(f"bazel {command} {' '.join(arguments)}: {time.monotonic() - started:.1f} s", flush=True)
        if done.returncode:
            raise BazelFailed(
                f"bazel {command} {' '.join(arguments)} ended with {done.returncode}:\n{done.stderr[-8000:]}"
            )
        return done.stdout

    def build(self, targets: Sequence[str], flags: Sequence[str] = ()) -> dict[str, int]:
        """Builds `targets`; returns how many actions ran in which way, as Bazel's build metrics count them.

        Keys are `internal` (done by the server itself), `linux-sandbox`, `remote`, `remote cache hit`, ….

        Raises:
          BazelFailed: the build failed.
        """
        self.run(
            "build",
            # Neither the links nor the lock file of the source tree are this Bazel's to write, and a cache on disk
            # would answer in place of what is being tested.
            "--symlink_prefix=/",
            "--lockfile_mode=off",
            "--disk_cache=",
            "--noshow_progress",
            "--color=no",
            f"--build_event_json_file={self._events}",
            *flags,
            "--",
            *targets,
        )
        return runner_counts(self._events)

    def outputs(self, target: str, flags: Sequence[str] = ()) -> list[pathlib.Path]:
        """The files and folders that `target` gives, as absolute paths."""
        listed = self.run("cquery", "--lockfile_mode=off", "--noshow_progress", "--output=files", *flags, "--", target)
        execution_root = pathlib.Path(self.run("info", "--noshow_progress", "execution_root").strip())
        return [execution_root / line for line in listed.splitlines() if line]

    def stop(self) -> None:
        """Stops the server, by its process id where it does not listen in time, and waits until it is gone."""
        pid_file = self.output_base / "server" / "server.pid.txt"
        pid = int(pid_file.read_text()) if pid_file.exists() else None
        with contextlib.suppress(BazelFailed, subprocess.TimeoutExpired):
            # A server whose build was interrupted waits for what still runs elsewhere. Do not wait with it: a test that
            # is told to stop has few seconds.
            self.run("shutdown", seconds=8)
        if pid is not None:
            _end(pid)


def runner_counts(events: pathlib.Path) -> dict[str, int]:
    """Reads a build event file: kind of runner to number of actions, without the total.

    Raises:
      ValueError: the file holds no build metrics: the build ended before its end.
    """
    for line in events.read_text().splitlines():
        event = json.loads(line)
        if "buildMetrics" in event.get("id", {}):
            counts = event["buildMetrics"]["actionSummary"].get("runnerCount", [])
            return {entry["name"]: int(entry["count"]) for entry in counts if entry["name"] != "total"}
    raise ValueError(f"{events} holds no build metrics")


def _end(pid: int) -> None:
    """Makes process `pid` end, unless it does so by itself within two seconds."""

    def gone() -> bool:
        return not pathlib.Path(f"/proc/{pid}").exists()

    if not wait_for(gone, 2):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        wait_for(gone, 5)


def wait_for(condition: Callable[[], bool], seconds: float) -> bool:
    """Whether `condition` came true within `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def remove_tree(path: pathlib.Path) -> None:
    """Removes a folder in which Bazel has made things read-only."""
    if not path.exists():
        return
    for folder, folders, _ in os.walk(path):
        for name in folders:
            entry = os.path.join(folder, name)
            if not os.path.islink(entry):
                os.chmod(entry, 0o755)
    shutil.rmtree(path)


@contextlib.contextmanager
def nested_bazel(workspace: pathlib.Path, output_base: pathlib.Path) -> Iterator[NestedBazel]:
    """A `NestedBazel` whose server, outputs and event file are gone at the end, also when the test is told to stop."""
    bazel = NestedBazel(workspace, output_base)
    # What the test runner sends when the time is up or the user gives up; a second one ends the clean-up, too.
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
    try:
        yield bazel
    finally:
        bazel.stop()
        remove_tree(output_base)
        output_base.with_name(output_base.name + ".events.json").unlink(missing_ok=True)
