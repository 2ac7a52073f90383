"""What the sanitizers say about a stub that was compiled with them; for other stubs nothing happens here."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

# Races of code that is not compiled with ThreadSanitizer, each with the reason why it is none of ours.
_SUPPRESSIONS = Path(__file__).with_name("tsan.supp")

# What a model does to its process shall have the same effect as without sanitizers, and libraries are not our business.
_ASAN = {
    "detect_leaks": "0",
    "alloc_dealloc_mismatch": "0",
    "allocator_may_return_null": "1",
    "handle_segv": "0",
    "handle_abort": "0",
    "handle_sigbus": "0",
    "handle_sigfpe": "0",
    "handle_sigill": "0",
    "quarantine_size_mb": "64",
}
_TSAN = {
    # One second otherwise, and stubs shall end within one.
    "atexit_sleep_ms": "0",
    "exitcode": "0",
    "handle_segv": "0",
    "handle_abort": "0",
    "handle_sigbus": "0",
    "handle_sigfpe": "0",
    "handle_sigill": "0",
    "report_signal_unsafe": "0",
    "suppressions": str(_SUPPRESSIONS),
}
_UBSAN = {"print_stacktrace": "1"}


def _environment(folder: Path) -> dict[str, str]:
    # Without the program there are addresses instead of names; an empty path keeps the runtimes from complaining.
    common = {"external_symbolizer_path": shutil.which("addr2line") or "", "log_path": str(folder / "report")}
    return {
        variable: ":".join(f"{key}={value}" for key, value in (common | own).items())
        for variable, own in (("ASAN_OPTIONS", _ASAN), ("TSAN_OPTIONS", _TSAN), ("UBSAN_OPTIONS", _UBSAN))
    }


def _reports(folder: Path) -> str:
    return "\n".join(path.read_text(encoding="utf-8", errors="replace") for path in sorted(folder.iterdir()))


@contextlib.contextmanager
def watched() -> Iterator[dict[str, str]]:
    """Yields the environment that makes sanitizers write down what they find.

    Raises:
      AssertionError: at the end, when they found something.
    """
    with tempfile.TemporaryDirectory(dir=os.environ.get("TEST_TMPDIR"), prefix="sanitizers_") as scratch:
        folder = Path(scratch).resolve()
        try:
            yield _environment(folder)
        finally:
            reports = _reports(folder)
            if reports:
                print(reports)
        assert not reports, "a sanitizer of the stub has found something, see above"
