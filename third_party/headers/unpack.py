"""Unpack one folder of a wheel.

usage: unpack.py WHEEL_FOLDER MEMBER_PREFIX (the wheel in the folder is removed)
"""

import sys
import zipfile
from pathlib import Path


def main() -> None:
    (wheel,) = Path(sys.argv[1]).glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = [name for name in archive.namelist() if name.startswith(sys.argv[2] + "/")]
        if not names:
            sys.exit(f"{wheel.name} holds nothing below {sys.argv[2]}/")
        archive.extractall(members=names)
    wheel.unlink()


if __name__ == "__main__":
    main()
