"""Triton releases (`24.10`) and the versions that servers say of themselves (`2.51.0`)."""

from __future__ import annotations

import re

_FIRST_YEAR, _FIRST_MONTH, _FIRST_MINOR = 23, 10, 39
# 25.07 was 2.59.1: from then on the minor number is one behind the months.
_LATE_MINOR = 60


def release_of(server_version: str) -> str:
    """The release of a server that calls itself `server_version`, as its metadata endpoint says.

    Raises:
      ValueError: `server_version` is none of Triton 23.10 (2.39.0) or newer. Source: the stub protocol's table of
        releases.
    """
    match = re.fullmatch(r"2\.(\d+)\.(\d+).*", server_version)
    if not match or int(match[1]) < _FIRST_MINOR:
        raise ValueError(f"{server_version!r} is no version of a Triton server of release 23.10 (2.39.0) or newer")
    minor, patch = int(match[1]), int(match[2])
    late = minor >= _LATE_MINOR or (minor == _LATE_MINOR - 1 and patch > 0)
    months = minor - _FIRST_MINOR + _FIRST_MONTH - 1 + (1 if late else 0)
    return f"{_FIRST_YEAR + months // 12}.{months % 12 + 1:02d}"
