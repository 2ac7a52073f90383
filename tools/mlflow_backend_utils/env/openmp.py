"""The OpenMP runtime of wheels that expect the machine to have one.

Most wheels bundle GNU's `libgomp.so.1` under a name of their own (`scikit_learn.libs/libgomp-e985bcbb.so.1.0.0`); some,
LightGBM's above all, need it by its real name, and a server's image may not have it. Where an environment has both
kinds, the bundled one gets its real name in `lib/`, which is searched first.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping

from mlflow_backend_utils.env.plan import Member, Reader

_NAME = "lib/libgomp.so.1"
_BUNDLED = re.compile(r".*\.libs/libgomp-[0-9a-f]+\.so\.1(\.\d+)*")
_LIBRARY = re.compile(r".*\.so(\.\d+)*")
# As it stands among an ELF file's strings.
_NEEDED = b"\0libgomp.so.1\0"


def link(members: Mapping[str, Member], reader: Reader) -> Member | None:
    """A link `lib/libgomp.so.1` to a bundled one; None: there is none to link to, nobody needs it, or it is there.

    Args:
      members: the environment without it, by name.
      reader: reads the members.
    """
    bundled = sorted(name for name in members if _BUNDLED.fullmatch(name))
    if not bundled or _NAME in members:
        return None
    libraries = (member for name, member in members.items() if member.wheel_member and _LIBRARY.fullmatch(name))
    if not any(_NEEDED in reader.read(member) for member in libraries):
        return None
    target = os.path.relpath(bundled[0], os.path.dirname(_NAME))
    return Member(_NAME, False, members[bundled[0]].owner, link=target)
