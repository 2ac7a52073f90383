"""Which wheels fit a target: the platform tags of PEP 600 and their older names. Standard library only."""

from __future__ import annotations

import re

# The names that some glibc versions had before PEP 600.
_ALIASES = {17: "manylinux2014", 12: "manylinux2010", 5: "manylinux1"}


def platform_tags(platform: str) -> list[str]:
    """Every platform tag that installs on `platform`, best first.

    pip takes each `--platform` literally: a system with glibc 2.28 also runs wheels for all older ones, and says so
    only when all their tags are listed.

    Args:
      platform: `manylinux_2_Y_ARCH`, such as `manylinux_2_28_x86_64`; any other tag stands for itself.
    """
    match = re.fullmatch(r"manylinux_2_(\d+)_(\w+)", platform)
    if match is None:
        return [platform, "any"]
    newest, machine = int(match.group(1)), match.group(2)
    tags = []
    for minor in range(newest, 4, -1):
        tags.append(f"manylinux_2_{minor}_{machine}")
        if minor in _ALIASES:
            tags.append(f"{_ALIASES[minor]}_{machine}")
    return [*tags, f"linux_{machine}", "any"]
