"""Unpack from the ziglang wheel only what a C++ toolchain for Linux and glibc needs: 4,000 of 18,000 files.

usage: unpack.py WHEEL_FOLDER (the wheel in it is removed; files go below ./ziglang)
"""

import sys
import zipfile
from pathlib import Path

KEEP = (
    "ziglang/zig",
    "ziglang/LICENSE",
    "ziglang/lib/c.zig",
    "ziglang/lib/c/",
    "ziglang/lib/compiler/",
    "ziglang/lib/compiler_rt",
    "ziglang/lib/fuzzer",
    "ziglang/lib/include/",
    "ziglang/lib/libc/glibc/",
    "ziglang/lib/libc/include/any-linux-any/",
    "ziglang/lib/libc/include/generic-glibc/",
    "ziglang/lib/libc/include/x86-linux-any/",
    "ziglang/lib/libc/include/x86-linux-gnu/",
    "ziglang/lib/libc/include/x86_64-linux-gnu/",
    "ziglang/lib/libc/include/aarch64-linux-any/",
    "ziglang/lib/libc/include/aarch64-linux-gnu/",
    "ziglang/lib/libcxx/",
    "ziglang/lib/libcxxabi/",
    "ziglang/lib/libunwind/",
    "ziglang/lib/std/",
    "ziglang/lib/ubsan_rt",
    "ziglang/lib/zig.h",
)


def main() -> None:
    (wheel,) = Path(sys.argv[1]).glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            if name.startswith(KEEP) and not name.endswith("/"):
                archive.extract(name)
    Path("ziglang/zig").chmod(0o755)
    wheel.unlink()


if __name__ == "__main__":
    main()
