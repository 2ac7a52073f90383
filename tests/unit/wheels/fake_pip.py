"""Stands for pip in tests: puts files of $FAKE_PIP_WHEELS into --dest, or prints $FAKE_PIP_OUTPUT and fails."""

import os
import shutil
import sys

arguments = sys.argv[1:]
with open(os.environ["FAKE_PIP_CALLS"], "a", encoding="utf-8") as file:
    file.write(" ".join(["constraint=" + os.environ.get("PIP_CONSTRAINT", ""), *arguments]) + "\n")
if os.environ.get("FAKE_PIP_OUTPUT"):
    sys.exit(os.environ["FAKE_PIP_OUTPUT"])
with open(arguments[arguments.index("--requirement") + 1], encoding="utf-8") as file:
    wanted = [line.split("==")[0] for line in file if line.strip()]
for name in os.listdir(os.environ["FAKE_PIP_WHEELS"]):
    if name.split("-")[0] in wanted:
        shutil.copy(os.path.join(os.environ["FAKE_PIP_WHEELS"], name), arguments[arguments.index("--dest") + 1])
