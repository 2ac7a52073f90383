"""Take the program out of the uv wheel.

usage: unpack_uv.py WHEEL_FOLDER (the wheel in it is removed; the program becomes ./uv)
"""

import sys
import zipfile
from pathlib import Path


def main() -> None:
    (wheel,) = Path(sys.argv[1]).glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        (member,) = (name for name in archive.namelist() if name.endswith(".data/scripts/uv"))
        Path("uv").write_bytes(archive.read(member))
    Path("uv").chmod(0o755)
    wheel.unlink()


if __name__ == "__main__":
    main()
