"""The source tree behind a test's runfiles, for tests that look at every file of it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from tests.runfiles import runfiles

_SKIPPED_FOLDERS = {".git", ".mypy_cache", ".ruff_cache", "__pycache__", "node_modules"}


def root() -> Path:
    """The top of the checkout: the runfile MODULE.bazel is a link into it."""
    return runfiles.path("MODULE").resolve().parent


def files(*suffixes: str, names: frozenset[str] = frozenset()) -> Iterator[Path]:
    """Files of the checkout with one of `suffixes` or `names`, in order, without Bazel's links into its outputs."""
    top = root()
    for folder, folders, members in os.walk(top):
        folders[:] = sorted(name for name in folders if name not in _SKIPPED_FOLDERS and not name.startswith("bazel-"))
        for member in sorted(members):
            if member.endswith(suffixes) or member in names:
                yield Path(folder, member)
