"""Starts and stops the one-process remote-execution farm (`just execute`) of `//third_party/farm`."""

import contextlib
import json
import os
import pathlib
import shutil
import subprocess
from collections.abc import Iterator

from tests.integration.nested_bazel import nested_bazel

_START_SECONDS = 30.0
# It forks for each executable file that it stages, and to Bazel's remote execution every input is executable: what a
# fork costs grows with the pages held. So memory is to be given back after the uploads, and held in large pages.
_SMALL_HEAP = {
    "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1",
    "MALLOC_ARENA_MAX": "1",
    "MALLOC_MMAP_THRESHOLD_": "65536",
    "MALLOC_TRIM_THRESHOLD_": "65536",
}


class FarmFailed(Exception):
    """The farm did not start; the message holds the end of its log."""


class Farm:
    """A running farm: address and process id."""

    def __init__(self, port: int, pid: int) -> None:
        self.executor = f"grpc://127.0.0.1:{port}"
        self.pid = pid


@contextlib.contextmanager
def running_farm(program: pathlib.Path, root: pathlib.Path) -> Iterator[Farm]:
    """Runs `program` on a free port of 127.0.0.1, with all it keeps below `root`, which is removed at the end.

    `root` must not be below `/tmp`, where some actions cannot see it.

    Raises:
      FarmFailed: it ended or did not listen within 30 s.
    """
    root.mkdir(parents=True)
    info, log = root / "info.json", root / "log"
    arguments = ["--interface=127.0.0.1", f"--info-file={info}", f"--local-build-root={root / 'build'}", "--plain-log"]
    with log.open("wb") as output:
        process = subprocess.Popen(
            # Bazel speaks the original protocol, which `just` calls compatible.
            [str(program), "execute", "--compatible", *arguments],
            cwd=root,
            env={"PATH": os.environ.get("PATH", os.defpath).removeprefix(".:"), "HOME": str(root), **_SMALL_HEAP},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        listening = nested_bazel.wait_for(lambda: _is_json(info) or process.poll() is not None, _START_SECONDS)
        if not listening or process.poll() is not None:
            raise FarmFailed(f"{program} did not start:\n{log.read_text()[-4000:]}")
        yield Farm(int(json.loads(info.read_text())["port"]), process.pid)
    finally:
        process.terminate()
        try:
            process.wait(3)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        shutil.rmtree(root)


def _is_json(path: pathlib.Path) -> bool:
    """Whether `path` is there and written to its end."""
    try:
        json.loads(path.read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return False
    return True
