"""How much memory the process of a model may have.

The limit is the system's `RLIMIT_DATA`, which counts what a process can write to and shares with nobody: heaps, arrays,
stacks of threads. An allocation beyond it fails, so that Python raises `MemoryError` and the model's other requests go
on. Shared memory, in which requests and answers travel, is not counted, nor is address space that is only reserved;
`RLIMIT_AS` counts both, and libraries like torch and Arrow reserve far more than they use.
"""

from __future__ import annotations

import re
import resource
from pathlib import Path

_UNITS = {"": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40}
_SIZE = re.compile(r"([0-9]{1,15})(KiB|MiB|GiB|TiB|)")
# Native libraries raise errors of their own; these are their words (C++'s own, XGBoost; torch, CUDA; onnxruntime).
_WORDS = ("bad_alloc", "bad allocation", "can't allocate memory", "out of memory", "Failed to allocate memory")


def parse(text: str) -> int:
    """Bytes for `1073741824`, `1024MiB` or `1GiB`.

    Raises:
        ValueError: it is none of these, or 0.
    """
    found = _SIZE.fullmatch(text)
    size = int(found[1]) * _UNITS[found[2]] if found else 0
    if not size:
        raise ValueError("write a number of bytes, or one with KiB, MiB, GiB or TiB behind it")
    return size


def limit(size: int) -> None:
    """Let this process have `size` bytes and no more, or less if the system allows less.

    Raises:
        ValueError: it has as much already.
    """
    used = _used()
    if used >= size:
        raise ValueError(f"the process has {_mebibytes(used)} of memory once the model is loaded")
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (size if hard == resource.RLIM_INFINITY else min(size, hard), hard))


def is_exhausted(error: BaseException) -> bool:
    """Whether `error` says that there was no memory."""
    return isinstance(error, MemoryError) or any(words in str(error) for words in _WORDS)


def describe() -> str:
    """The limit in words; "" if there is none."""
    size, _ = resource.getrlimit(resource.RLIMIT_DATA)
    return "" if size == resource.RLIM_INFINITY else f"the model's process may have {_mebibytes(size)} of memory"


def _used() -> int:
    """What the limit counts, in bytes."""
    # Sizes in pages: total, resident, shared, text, library, data.
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[5])
    return pages * resource.getpagesize()


def _mebibytes(size: int) -> str:
    return f"{size / (1 << 20):.0f} MiB"
