"""Start a program of the workspace: import roots first, then the program as `__main__`.

argv: RUNFILES MAIN COUNT ROOT… then the program's own arguments. ROOT is relative to RUNFILES. The interpreter runs
isolated, so neither PYTHONPATH nor the user's site-packages reach the program, nor does the program's path reach what
it starts.
"""

import os
import runpy
import sys


def main() -> None:
    runfiles, program, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
    roots = sys.argv[4 : 4 + count]
    # The folder of this file is no import root; with a hash seed the interpreter cannot be told so (rules/py.bzl).
    if not sys.flags.isolated:
        del sys.path[0]
    sys.path[0:0] = [os.path.join(runfiles, root) for root in roots]
    sys.argv[:] = [program, *sys.argv[4 + count :]]
    runpy.run_path(program, run_name="__main__")


main()
