"""Unpack the Triton server from the nvidia-pytriton wheel.

usage: unpack.py WHEEL_FOLDER (the wheel in it is removed)
"""

import sys
import zipfile
from pathlib import Path

KEEP = ("pytriton/tritonserver/", "nvidia_pytriton.libs/")


def main() -> None:
    (wheel,) = Path(sys.argv[1]).glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        for member in archive.infolist():
            if member.filename.startswith(KEEP) and not member.is_dir():
                path = Path(archive.extract(member))
                # zipfile drops the mode bits that the server's programs need.
                path.chmod(0o755 if (member.external_attr >> 16) & 0o111 else 0o644)
    wheel.unlink()


if __name__ == "__main__":
    main()
