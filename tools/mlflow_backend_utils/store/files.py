"""Files that appear whole or not at all: written aside, flushed to the disk, and renamed."""

from __future__ import annotations

import contextlib
import hashlib
import os

_BLOCK = 1 << 20


def copy(source: str, target: str) -> str:
    """Copy a file to `target`, which must not exist; the sha256 of what was written."""
    digest = hashlib.sha256()
    with open(source, "rb") as reader, open(target, "xb") as writer:
        for block in iter(lambda: reader.read(_BLOCK), b""):
            digest.update(block)
            writer.write(block)
    return digest.hexdigest()


def publish(temporary: str, target: str, mode: int) -> None:
    """Move the file `temporary` to `target`, on the same file system, in one step."""
    os.chmod(temporary, mode)
    descriptor = os.open(temporary, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    os.makedirs(os.path.dirname(target), exist_ok=True)
    os.replace(temporary, target)


def publish_text(text: str, temporary: str, target: str) -> None:
    """Write `text` to `target` in one step, by way of `temporary`."""
    with open(temporary, "w", encoding="utf-8", newline="") as file:
        file.write(text)
    publish(temporary, target, 0o644)


def remove_if_there(path: str) -> None:
    """Remove a file that another process may have removed."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
