"""Downloads the wheels that a requirement lock names, for a target Python and platform. Standard library only.

usage: fetch.py --lock F --out DIR --python_version X.Y.Z [--platform manylinux_2_28_x86_64] [--jobs N]

The work is done by ordinary `pip download --require-hashes --no-deps` processes, each on its share of the lock, so that
index settings, credentials and proxies of the machine apply and no address is written anywhere. Wheels fetched before
come from a store below the user's cache folder (see store.py).

The full version `X.Y.Z` matters: packages may exclude single patch releases, and pip reads `X.Y` as `X.Y.0`.

Prints a JSON list of {`file`, `name`, `sha256`, `version`}, sorted by file. Every failure is one message on stderr and
exit status 1: a lock without hashes, a file that has another digest than the lock says, a machine without pip. Where
pip fails in another way, its own words are passed on. The exit status is 3 when all that is wrong is that pip finds no
wheel of a package for the target: a caller may do without.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True  # no __pycache__ beside this file: it lies in a source tree

# One reader of locks for the whole project; it lies with the libraries behind the actions.
sys.path.insert(1, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "tools"))

import store  # noqa: E402
import tags  # noqa: E402

from mlflow_backend_utils.env import lock as locks  # noqa: E402

_MISMATCH = re.compile(
    r"^\s*\S+ from (?P<place>\S+).*?\n\s*Expected sha256 (?P<wanted>[0-9a-f]{64})"
    r"(?:\n\s*Expected\s+or (?P<others>[0-9a-f]{64}))*\n\s*Got\s+(?P<found>[0-9a-f]{64})",
    re.MULTILINE,
)
# Exit status; 2 is that of a wrong command line.
_MISSING = 3
_NO_MATCH = re.compile(r"No matching distribution found for (?P<requirement>[^\s;]+)")


class FetchError(Exception):
    """The wheels cannot be had; the text is what to show to the user."""


class MissingWheelError(FetchError):
    """pip finds no wheel of a package for the target."""


def find_pip() -> list[str]:
    """The command that starts pip: this interpreter's, else one on PATH.

    Raises:
      FetchError: there is none.
    """
    own = [sys.executable, "-m", "pip"]
    done = subprocess.run([*own, "--version"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    if done.returncode == 0:
        return own
    for name in ("pip3", "pip"):
        path = shutil.which(name)
        if path and subprocess.run([path, "--version"], capture_output=True).returncode == 0:
            return [path]
    raise FetchError(
        "no pip: neither `python3 -m pip` nor a command pip3 or pip works. "
        "Install it, on Debian with the package python3-pip"
    )


def explain(output: str, target: str) -> str:
    """What a failed pip's output means for the reader of a build log.

    Args:
      output: what pip printed.
      target: the Python and platform that wheels were wanted for, in words.
    """
    mismatch = _MISMATCH.search(output)
    if mismatch:
        file = os.path.basename(mismatch.group("place").split("#")[0])
        return (
            f"{file} does not have the digest that the lock names\n"
            f"  wanted sha256 {mismatch.group('wanted')}\n"
            f"  found  sha256 {mismatch.group('found')}\n"
            "The file was changed after the lock was written, or the lock was edited. "
            f"If the new file is the right one: {locks.REGENERATE}"
        )
    missing = _NO_MATCH.search(output)
    if missing:
        return (
            f"{missing.group('requirement')} has no wheel for {target}. Choose a version that has one, or another "
            "Python or platform; source distributions are never built"
        )
    # Words of pip about places it does not use only bury the reason.
    lines = [line for line in output.splitlines() if "is ignored: it is neither" not in line and line.strip()]
    return "pip download failed:\n" + "\n".join("  " + line for line in lines)


def is_missing(output: str) -> bool:
    """Whether a failed pip's output says that there is no wheel for the target, and nothing worse."""
    return _NO_MATCH.search(output) is not None and _MISMATCH.search(output) is None


def run_pips(pip: list[str], requirements: list[str], flags: list[str], out: str, jobs: int) -> list[str]:
    """Download `requirements` into `out` with `jobs` processes at a time; the outputs of those that failed."""
    jobs = max(1, min(jobs, len(requirements)))
    # Long hash lists belong to big binary packages: sorted so, and dealt out in turn, the shares weigh about the same.
    ordered = sorted(requirements, key=lambda line: (-len(line), line))
    # The lock alone decides: with constraints pip calls a wheel that it does not find a conflict of versions.
    environ = {**os.environ, "PIP_CONSTRAINT": os.devnull, "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_INPUT": "1"}
    with tempfile.TemporaryDirectory() as scratch:
        running = []
        for share in range(jobs):
            listing = os.path.join(scratch, f"{share}.txt")
            with open(listing, "w", encoding="utf-8") as file:
                file.write("\n".join(ordered[share::jobs]) + "\n")
            command = [*pip, "download", "--quiet", "--no-deps", "--require-hashes", "--only-binary=:all:", *flags]
            command += ["--requirement", listing, "--dest", out]
            running.append(
                subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environ)
            )
        finished = [(process.communicate()[0], process.returncode) for process in running]
    return [output for output, status in finished if status]


def wheel_identity(file: str) -> tuple[str, str]:
    """(normalized name, version) of a wheel, from its file name."""
    name, version = os.path.basename(file).split("-")[:2]
    return locks.normalize(name), version


def fetch(
    lock: str, out: str, python_version: str, platform: str, jobs: int, folder: str, pip: list[str] | None = None
) -> list[dict[str, str]]:
    """Fill `out` with the wheels of `lock`.

    Args:
      lock: path of the lock.
      out: folder for the wheels; made if need be, and emptied of other wheels.
      python_version: `X.Y.Z`.
      platform: newest platform tag the target runs, such as `manylinux_2_28_x86_64`.
      jobs: how many pip processes may run at a time.
      folder: the store.
      pip: the command that starts pip; found if not given.

    Returns:
      `file`, `name`, `sha256` and `version` of each wheel, sorted by file.

    Raises:
      FetchError, MissingWheelError, locks.LockError: see the head of this file.
    """
    if not re.fullmatch(r"3\.\d+\.\d+", python_version):
        raise FetchError(f"{python_version!r} is no full Python version; give X.Y.Z, such as 3.11.7")
    with open(lock, encoding="utf-8") as file:
        pins = locks.parse(file.read(), os.path.basename(lock))
    target = f"Python {python_version} on {platform}"
    series = python_version.rpartition(".")[0]
    kept = store.Store(folder, f"{series}-{platform}")
    os.makedirs(out, exist_ok=True)
    for name in os.listdir(out):
        if name.endswith(".whl"):
            os.remove(os.path.join(out, name))
    found = {pin.name: name for pin in pins for name in [kept.take(pin.text, pin.hashes, out)] if name}
    wanted = [pin for pin in pins if pin.name not in found]
    if wanted:
        flags = ["--implementation=cp", f"--python-version={python_version}"]
        flags += [f"--platform={tag}" for tag in tags.platform_tags(platform)]
        # Markers were settled when the lock was written; pip would judge them by the Python that runs it.
        texts = [f"{pin.name}=={pin.version} " + " ".join(f"--hash=sha256:{d}" for d in pin.hashes) for pin in wanted]
        failures = run_pips(pip or find_pip(), texts, flags, out, jobs)
        if failures:
            kind = MissingWheelError if all(map(is_missing, failures)) else FetchError
            raise kind("\n".join(f"{os.path.basename(lock)}: {explain(output, target)}" for output in failures))
        arrived = {wheel_identity(name)[0]: name for name in os.listdir(out) if name.endswith(".whl")}
        for pin in wanted:
            if pin.name not in arrived:
                raise FetchError(f"{os.path.basename(lock)}: {pin.name}=={pin.version} was not downloaded for {target}")
            kept.put(pin.text, os.path.join(out, arrived[pin.name]))
            found[pin.name] = arrived[pin.name]
    result = []
    for pin in pins:
        digest = store.sha256(os.path.join(out, found[pin.name]))
        if digest not in pin.hashes:
            raise FetchError(
                f"{found[pin.name]} does not have a digest that the lock names\n  found  sha256 {digest}\n"
                f"  wanted sha256 {' or '.join(pin.hashes)}"
            )
        result.append({"file": found[pin.name], "name": pin.name, "sha256": digest, "version": pin.version})
    return sorted(result, key=lambda wheel: wheel["file"])


def main(argv: list[str]) -> int:
    """Command line entry; see the head of this file."""
    parser = argparse.ArgumentParser(description="Download the wheels of a hashed lock for a target.")
    parser.add_argument("--lock", required=True, help="lock with exact versions and hashes")
    parser.add_argument("--out", required=True, help="folder for the wheels")
    parser.add_argument("--python_version", required=True, help="the target's full version, X.Y.Z")
    parser.add_argument("--platform", default="manylinux_2_28_x86_64", help="newest platform tag the target runs")
    parser.add_argument("--jobs", type=int, default=4, help="pip processes at a time")
    parser.add_argument("--store", default=store.default_folder(os.environ), help="folder of wheels fetched before")
    options = parser.parse_args(argv)
    try:
        wheels = fetch(options.lock, options.out, options.python_version, options.platform, options.jobs, options.store)
    except (FetchError, locks.LockError) as error:
        print(f"fetch: {error}", file=sys.stderr)
        return _MISSING if isinstance(error, MissingWheelError) else 1
    except OSError as error:
        print(f"fetch: {error.filename}: {error.strerror}", file=sys.stderr)
        return 1
    print(json.dumps(wheels, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
