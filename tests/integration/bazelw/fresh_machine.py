"""A bare Debian 12 in a folder, as another machine would be: nothing installed, empty caches, an ordinary user.

Needs root (for chroot and mounts) and a machine whose apt reaches a Debian archive. It is made by `debootstrap`, which
is fetched with apt and not installed. The set-up of this machine by which a user reaches package mirrors is copied:
apt's sources and configuration, certificates, pip's configuration, name resolution. The network is shared.
"""

import contextlib
import os
import pathlib
import shutil
import subprocess
from collections.abc import Iterator, Sequence

_SUITE = "bookworm"
_USER, _UID = "builder", 1234
_HOME = f"/home/{_USER}"
_PATH = "/usr/local/bin:/usr/bin:/bin"

# How this machine reaches mirrors. Missing ones are left out.
_CONFIGURATION = (
    "/etc/apt/sources.list",
    "/etc/apt/sources.list.d",
    "/etc/apt/apt.conf.d",
    "/etc/apt/auth.conf.d",
    "/etc/hosts",
    "/etc/pip.conf",
    "/etc/resolv.conf",
    "/etc/ssl/certs",
    "/usr/local/share/ca-certificates",
    "/usr/share/ca-certificates",
)
# Variables that go with it.
_VARIABLES = (
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "PIP_CERT",
    "PIP_INDEX_URL",
    "PIP_EXTRA_INDEX_URL",
    "SSL_CERT_FILE",
)


class Unsupported(Exception):
    """This machine cannot make another one; the message says why."""


class FreshMachine:
    """A bare machine below `root`; `workspace` is where the source tree lies in it."""

    def __init__(self, root: pathlib.Path, binds: Sequence[str]) -> None:
        self.root = root
        self.workspace = f"{_HOME}/workspace"
        self._binds = binds

    def run(self, command: str, seconds: float) -> subprocess.CompletedProcess[str]:
        """Runs a shell command in the workspace as the ordinary user, with next to no environment.

        Its processes and mounts are its own and end with it.
        """
        mounts = [("proc", "/proc"), *((path, path) for path in ("/dev", *self._binds))]
        script = "set -e\n"
        for source, target in mounts:
            kind = "-t proc" if source == "proc" else "--rbind"
            script += f"mkdir -p '{self.root}{target}'; mount {kind} '{source}' '{self.root}{target}'\n"
        environment = [f"HOME={_HOME}", f"PATH={_PATH}"]
        environment += [f"{name}={os.environ[name]}" for name in _VARIABLES if name in os.environ]
        script += f'exec chroot --userspec={_UID}:{_UID} "$0" env -i "$@" sh -c "cd {self.workspace} && $COMMAND"\n'
        return subprocess.run(
            ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", script, str(self.root), *environment],
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "COMMAND": command},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )

    def changed_outside_home(self, since: pathlib.Path) -> list[str]:
        """Files of the machine, the user's home aside, that are newer than the file `since`."""
        skipped = [path for name in ("proc", "dev", "home", "tmp") for path in ("-path", f"{self.root}/{name}", "-o")]
        found = subprocess.run(
            ["find", self.root, "(", *skipped[:-1], ")", "-prune", "-o", "-type", "f", "-newer", since, "-print"],
            capture_output=True,
            text=True,
            check=True,
        )
        return found.stdout.splitlines()


def _archive() -> str:
    """The Debian archive apt is set up with."""
    listed = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages"],
        capture_output=True,
        text=True,
        check=True,
    )
    uris = [uri for uri in listed.stdout.split() if "debian" in uri and "security" not in uri]
    if not uris:
        raise Unsupported("apt is set up with no Debian archive")
    return uris[0]


def _debootstrap(scratch: pathlib.Path) -> list[str]:
    """The command debootstrap: the installed one, or the package's, unpacked below `scratch`."""
    if installed := shutil.which("debootstrap"):
        return [installed]
    scratch.mkdir()
    done = subprocess.run(
        ["apt-get", "-qq", "download", "debootstrap"], cwd=scratch, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise Unsupported(f"debootstrap cannot be fetched: {done.stderr.strip()}")
    (package,) = scratch.glob("*.deb")
    subprocess.run(["dpkg-deb", "-x", package, scratch], check=True)
    return ["env", f"DEBOOTSTRAP_DIR={scratch}/usr/share/debootstrap", str(scratch / "usr/sbin/debootstrap")]


def _copy(source: pathlib.Path, target: pathlib.Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, dirs_exist_ok=True)
    else:
        shutil.copyfile(source, target)


def _copy_sources(workspace: pathlib.Path, target: pathlib.Path) -> None:
    """What git would give a fresh clone, as it is in the working tree now."""
    listed = subprocess.run(
        ["git", "-c", f"safe.directory={workspace}", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=workspace,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in filter(None, listed.stdout.split("\0")):
        if (workspace / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(workspace / name, target / name)


@contextlib.contextmanager
def fresh_machine(workspace: pathlib.Path, scratch: pathlib.Path, binds: Sequence[str] = ()) -> Iterator[FreshMachine]:
    """Makes a bare machine below `scratch` with the sources of `workspace`; removed at the end.

    Args:
      workspace: the source tree to copy.
      scratch: an empty folder.
      binds: folders of this machine to be seen at the same place, e.g. a package index that pip is set up with.

    Raises:
      Unsupported: not root, not Debian, no archive reached.
    """
    if os.getuid() != 0:
        raise Unsupported("only root can make another machine")
    if not shutil.which("apt-get"):
        raise Unsupported("this machine has no apt")
    root = scratch / "root"
    try:
        made = subprocess.run(
            [*_debootstrap(scratch / "debootstrap"), "--variant=minbase", _SUITE, str(root), _archive()],
            capture_output=True,
            text=True,
            check=False,
        )
        if made.returncode:
            raise Unsupported(f"debootstrap failed: {made.stdout[-2000:]}{made.stderr[-2000:]}")
        for path in map(pathlib.Path, _CONFIGURATION):
            if path.exists():
                _copy(path, root / path.relative_to("/"))
        with (root / "etc/passwd").open("a") as passwd:
            passwd.write(f"{_USER}:x:{_UID}:{_UID}::{_HOME}:/bin/sh\n")
        machine = FreshMachine(root, binds)
        _copy_sources(workspace, root / machine.workspace.lstrip("/"))
        user_pip = pathlib.Path("~/.config/pip/pip.conf").expanduser()
        if user_pip.exists():
            _copy(user_pip, root / _HOME.lstrip("/") / ".config/pip/pip.conf")
        subprocess.run(["chown", "-R", f"{_UID}:{_UID}", str(root / _HOME.lstrip("/"))], check=True)
        yield machine
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
