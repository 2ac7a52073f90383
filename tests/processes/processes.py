"""Servers of other programs, for a test's time."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

# That a server may take to end by itself.
_STOP_SECONDS = 20.0


@contextlib.contextmanager
def server(
    command: Sequence[str | Path], log: Path, env: Mapping[str, str], ask: Callable[[], object], seconds: float
) -> Iterator[subprocess.Popen[bytes]]:
    """A server and whatever it starts; the scope begins when it answers, and none of them outlives it.

    Args:
      command: runs in the folder of `log`.
      log: gets what it writes; its end is printed when something fails.
      env: all of its environment.
      ask: a request; raises OSError while there is no answer.
      seconds: that the server may take for the first one.

    Raises:
      OSError: that of the last request, when there was no answer in time or the server ended.
    """
    with log.open("wb") as output:
        process = subprocess.Popen(
            list(map(str, command)),
            cwd=log.parent,
            env=dict(env),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        _wait(process, ask, seconds)
        yield process
    except BaseException:
        print(log.read_text(errors="replace")[-5000:])
        raise
    finally:
        for number in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(_STOP_SECONDS)


def _wait(process: subprocess.Popen[bytes], ask: Callable[[], object], seconds: float) -> None:
    end = time.monotonic() + seconds
    while True:
        try:
            ask()
            return
        except OSError:
            if process.poll() is not None or time.monotonic() > end:
                raise
            time.sleep(0.1)
