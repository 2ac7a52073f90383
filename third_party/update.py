"""Regenerate third_party/versions.bzl and the requirement locks.

    ./bazelw run //third_party:update            # the table and every lock
    ./bazelw run //third_party:update -- --table # only the table

The table holds, for each line of versions.in, the sha256 of the wheel that pip would choose for each host CPU. Locks
are made by `uv pip compile` for the full patch version of each minor version, because uv reads `3.9` as its newest
patch and pip as `3.9.0`. Both use the package index as the machine is set up; no address is written anywhere.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
from pathlib import Path

from mlflow_backend_utils.env import resolve

# The patch version that stands for a minor version when wheels are resolved and fetched.
LOCK_PYTHONS = {
    "3.9": "3.9.18",
    "3.10": "3.10.13",
    "3.11": "3.11.7",
    "3.12": "3.12.1",
    "3.13": "3.13.0",
    "3.14": "3.14.0",
}

# Those with locks for whole models: PYTHON_VERSIONS of config/versions.bzl. The others have what the stub's tests need.
MODEL_PYTHONS = ("3.10", "3.11", "3.12", "3.13")

CPUS = ("x86_64", "aarch64")

# Order matters: a set comes after the one that constrains it.
LOCKS = {
    "dev": MODEL_PYTHONS,
    "tools": MODEL_PYTHONS,
    "bench": MODEL_PYTHONS,
    "wine": MODEL_PYTHONS,
    "numpy1": ("3.9", "3.10", "3.11", "3.12"),
    "numpy2": tuple(LOCK_PYTHONS),
    "flavors": ("3.11",),
    "gateway": ("3.11",),
    "lint": ("3.11",),
    "integration": ("3.11",),
    "integration_mlflow2": ("3.11",),
    "peers": ("3.11",),
    "mlflow2_numpy1": ("3.11", "3.12"),
    "mlflow2_numpy2": ("3.10", "3.13"),
    "mlflow3_numpy1": ("3.11",),
    "torch": ("3.11",),
    "transformers4": ("3.11",),
}

# Those with a wheel that not every machine's pip finds.
OPTIONAL = ("torch", "transformers4")
# Set -> the one whose versions it takes where both have a package, so that one process may hold both.
CONSTRAINTS = {
    **dict.fromkeys(("bench", "flavors", "lint", "tools", "wine"), "dev"),
    # With boto3, which wants an older python-dateutil than pandas alone would get.
    **dict.fromkeys(("gateway", "integration"), "tools"),
}

HEADER = '''"""Outside inputs and their digests. Written by `./bazelw run //third_party:update`; do not edit."""
'''


def pip_digest(requirement: str, cpu: str) -> str | None:
    """The sha256 of the wheel that pip chooses for `cpu`, or None where there is none."""
    # The pinned interpreter carries no pip; the machine's is the one that is set up for its index.
    command = ["python3", "-m", "pip", "install", "--quiet", "--dry-run", "--ignore-installed", "--no-deps"]
    command += ["--only-binary=:all:", "--python-version=3.11", "--implementation=cp", "--target=unused", "--report=-"]
    for minor in range(35, 4, -1):
        command += [f"--platform=manylinux_2_{minor}_{cpu}"]
    command += [f"--platform=manylinux2014_{cpu}", f"--platform=manylinux2010_{cpu}", "--platform=any", requirement]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        return None
    (item,) = json.loads(done.stdout)["install"]
    return str(item["download_info"]["archive_info"]["hashes"]["sha256"])


def table(requirements: list[str]) -> str:
    """The text of versions.bzl."""
    lines = [HEADER, "# Package -> version and sha256 of its wheel by CPU of the host"]
    lines += ["WHEELS = {"]
    names = [requirement.partition("==")[0] for requirement in requirements]
    for requirement in sorted(requirements):
        name, _, version = requirement.partition("==")
        digests = {cpu: digest for cpu in CPUS if (digest := pip_digest(requirement, cpu))}
        if not digests:
            raise SystemExit(f"{requirement}: pip finds no wheel for {' or '.join(CPUS)}; check versions.in")
        key = name if names.count(name) == 1 else requirement
        lines += [f'    "{key}": struct(', "        sha256 = {"]
        lines += [f'            "{cpu}": "{digests[cpu]}",' for cpu in sorted(digests)]
        lines += ["        },", f'        version = "{version}",', "    ),"]
    lines += [
        "}",
        "",
        "# The patch version for which a minor version's wheels are resolved and fetched.",
        "LOCK_PYTHONS = {",
    ]
    lines += [f'    "{minor}": "{full}",' for minor, full in LOCK_PYTHONS.items()]
    lines += [
        "}",
        "",
        "# Lock set -> minor versions it is made for; the files are requirements/NAME_VERSION.lock.",
        "LOCK_SETS = {",
    ]
    for name in sorted(LOCKS):
        lines += [f'    "{name}": {json.dumps(LOCKS[name])},']
    lines += ["}", "", "# Those of which a machine may lack a wheel; see `optional` of requirements.lock."]
    lines += [f"OPTIONAL_LOCK_SETS = {json.dumps(OPTIONAL)}"]
    return "\n".join([*lines, ""])


def compile_lock(folder: Path, name: str, minor: str) -> None:
    """Write `<name>_<minor>.lock` from `<name>.in`, with every hash."""
    constraints = [Path(f"{CONSTRAINTS[name]}_{minor}.lock")] if name in CONSTRAINTS else []
    resolve.compile_lock(folder / f"{name}.in", Path(f"{name}_{minor}.lock"), LOCK_PYTHONS[minor], constraints)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--table", action="store_true", help="write versions.bzl only")
    options = parser.parse_args()
    root = Path(os.environ.get("BUILD_WORKSPACE_DIRECTORY", Path.cwd())) / "third_party"
    lines = (root / "versions.in").read_text().splitlines()
    requirements = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    (root / "versions.bzl").write_text(table(requirements))
    if options.table:
        return
    for name, minors in LOCKS.items():
        for minor in minors:
            print(f"{name} for Python {minor}", flush=True)
            compile_lock(root / "requirements", name, minor)


if __name__ == "__main__":
    main()
