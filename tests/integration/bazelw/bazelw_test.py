"""Tests of `bazelw`: which Bazel it takes, what it says when there is none, many calls at once.

Each test has a copy of the wrapper with stand-ins for what it finds on the machine or fetches.
"""

import hashlib
import os
import pathlib
import shutil
import subprocess
import textwrap
import time

from absl.testing import absltest

# What the scripts run. PATH holds these alone, so that no Bazel, Python or downloader of the machine is seen.
_TOOLS = """
    apt-get awk bash basename cat chmod cp cut date dirname env find flock grep head id ln ls mkdir mktemp mv nproc
    readlink rm sed sh sha256sum sleep sort stat tail tar tee timeout touch tr uname wc xargs
"""
# Stands in for //third_party/bazel:debian_python.sh.
_FAKE_PYTHON = """
python_debian() { once "$1/python/bin/python3" make_python "$1/python" && echo "$1/python"; }
make_python() { mkdir -p "$1/bin" && touch "$1/bin/python3" && chmod 755 "$1/bin/python3"; }
"""
# Stands in for //third_party/bazel:debian_bazel.sh: slow, and not right when two work at it.
_FAKE_DEBIAN = """
debian_kept() { echo "$1/prefix/bazel"; }
bazel_debian() { once "$1/prefix/bazel" make_bazel "$1/prefix" && echo "$1/prefix/bazel"; }
make_bazel() {
    say "building the prefix"
    rm -rf "$1"
    mkdir "$1"
    echo x >> "$1/../builds"
    [ ! -e "$1/../hang" ] || sleep 60
    sleep 0.5
    printf '#!/bin/sh\\necho prefix "$@"\\n' > "$1/bazel.new"
    chmod 755 "$1/bazel.new"
    mv "$1/bazel.new" "$1/bazel"
}
"""


class BazelwTest(absltest.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.root = pathlib.Path(self.create_tempdir().full_path)
        source = pathlib.Path(os.environ["TEST_SRCDIR"], os.environ["TEST_WORKSPACE"])
        self.workspace = self.root / "workspace"
        (self.workspace / "third_party").mkdir(parents=True)
        for name in ("bazelw", ".bazelversion"):
            shutil.copy(source / name, self.workspace / name)
        self.scripts = self.workspace / "third_party" / "bazel"
        shutil.copytree(source / "third_party" / "bazel", self.scripts)
        (self.scripts / "debian_python.sh").write_text(_FAKE_PYTHON)
        self.version = (self.workspace / ".bazelversion").read_text().strip()
        self.home = self.root / "home"
        self.home.mkdir()
        self.cache = self.home / ".cache" / "mlflow-backend" / "bazel"
        self.bin = self.root / "bin"
        self.bin.mkdir()
        for tool in _TOOLS.split():
            if found := shutil.which(tool):
                (self.bin / tool).symlink_to(found)

    def _script(self, path: pathlib.Path, body: str) -> pathlib.Path:
        path.write_text("#!/bin/sh\n" + textwrap.dedent(body))
        path.chmod(0o755)
        return path

    def _bazel(self, name: str, said: str) -> pathlib.Path:
        """A Bazel on PATH that answers `--version` with `said`, counts these questions, and else echoes."""
        return self._script(
            self.bin / name,
            f"""
            if [ "$*" = --version ]; then echo asked >> {self.root}/asked; echo '{said}'; exit; fi
            echo {name} "$@"
            """,
        )

    def _start(self, *arguments: str, **environment: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [str(self.workspace / "bazelw"), *arguments],
            env={"HOME": str(self.home), "PATH": str(self.bin), **environment},
            cwd=self.root,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def _run(self, *arguments: str, **environment: str) -> tuple[int, str, str]:
        process = self._start(*arguments, **environment)
        stdout, stderr = process.communicate(timeout=60)
        return process.returncode, stdout, stderr

    def _asked(self) -> int:
        asked = self.root / "asked"
        return len(asked.read_text().splitlines()) if asked.exists() else 0

    # What the machine has.

    def test_given_bazel_is_taken_as_it_is(self) -> None:
        given = self._script(self.root / "mine", 'echo given "$@"')
        self._bazel("bazel", "bazel 8.0.0")
        self.assertEqual(self._run("build", "//a", BAZEL=str(given)), (0, "given build //a\n", ""))
        self.assertEqual(self._asked(), 0)

    def test_given_bazel_that_is_none(self) -> None:
        status, _, stderr = self._run("build", BAZEL="/no/such")
        self.assertEqual(status, 1)
        self.assertIn("$BAZEL is '/no/such', which cannot be run: name an executable, or unset it", stderr)

    def test_bazelisk_comes_before_bazel(self) -> None:
        self._bazel("bazel", "bazel 9.0.0")
        self._bazel("bazelisk", f"bazel {self.version}")
        self.assertEqual(self._run("info"), (0, "bazelisk info\n", ""))

    def test_new_enough(self) -> None:
        for said in ("bazel 7.4.0", "bazel 7.10.0", "bazel 8.0.0rc1", "bazel 10.0.0"):
            with self.subTest(said):
                self._bazel("bazel", said)
                self.assertEqual(self._run("info")[1], "bazel info\n")

    def test_refused(self) -> None:
        for said, reason in (
            ("bazel 7.3.9", "is 7.3.9, wanted 7.4 or newer"),
            ("bazel 6.5.0", "is 6.5.0, wanted 7.4 or newer"),
            ("bazel 7.7.1- (@non-git)", "is no release of Bazel, it says 'bazel 7.7.1- (@non-git)'"),
            ("hello", "is no release of Bazel, it says 'hello'"),
        ):
            with self.subTest(said):
                bazel = self._bazel("bazel", said)
                status, stdout, stderr = self._run("info", BAZELW_SOURCES="path")
                self.assertEqual((status, stdout), (1, ""))
                self.assertIn(f"{bazel} {reason}", stderr)

    def test_broken_bazelisk_is_passed_over(self) -> None:
        self._script(self.bin / "bazelisk", "echo no network >&2; exit 1")
        self._bazel("bazel", "bazel 7.4.0")
        self.assertEqual(self._run("info")[:2], (0, "bazel info\n"))

    def test_link_to_the_wrapper_is_passed_over(self) -> None:
        (self.bin / "bazel").symlink_to(self.workspace / "bazelw")
        status, _, stderr = self._run("info", BAZELW_SOURCES="path")
        self.assertEqual(status, 1)
        self.assertIn("is this wrapper", stderr)

    def test_answer_is_kept_until_the_bazel_changes(self) -> None:
        self._bazel("bazel", "bazel 7.4.0")
        for _ in range(3):
            self.assertEqual(self._run("info")[0], 0)
        self.assertEqual(self._asked(), 1)
        self._bazel("bazel", "bazel 7.3.0 ")
        self.assertEqual(self._run("info", BAZELW_SOURCES="path")[0], 1)

    def test_bazel_learns_which_it_is(self) -> None:
        self._script(self.bin / "bazel", '[ "$*" = --version ] && echo bazel 8.0.0 || echo "BAZEL=$BAZEL"')
        self.assertEqual(self._run("info")[1], f"BAZEL={self.bin}/bazel\n")

    # Nothing to be had.

    def test_everything_switched_off(self) -> None:
        status, stdout, stderr = self._run("build", BAZELW_SOURCES="")
        self.assertEqual((status, stdout), (1, ""))
        for source in ("path", "official", "debian"):
            self.assertRegex(stderr, rf"{source}: +switched off by BAZELW_SOURCES")
        self.assertIn("do one of these: put Bazel", stderr)
        for variable in ("BAZEL", "BAZELW_MIRROR", "BAZELW_DEBIAN_MIRROR"):
            self.assertIn(variable, stderr)

    def test_nothing_reached(self) -> None:
        (self.bin / "apt-get").unlink(missing_ok=True)
        curl = shutil.which("curl")
        if curl:
            (self.bin / "curl").symlink_to(curl)
        status, _, stderr = self._run("build", BAZELW_MIRROR=f"file://{self.root}/nothing")
        self.assertEqual(status, 1)
        self.assertIn("no bazelisk and no bazel on PATH", stderr)
        self.assertIn(f"official: file://{self.root}/nothing/{self.version}/bazel-", stderr)
        self.assertIn("debian:   this is no Debian-like machine", stderr)
        self.assertEqual([path.name for path in self.cache.glob("answer*")], [])

    def test_no_home(self) -> None:
        status, _, stderr = self._run("build", HOME="")
        self.assertEqual(status, 1)
        self.assertIn("neither HOME nor XDG_CACHE_HOME is set", stderr)

    # The release binary.

    def _mirror(self) -> pathlib.Path:
        """A download site of files, with a stand-in for the release of this machine."""
        curl = shutil.which("curl")
        if not curl:
            self.skipTest("needs curl for file:// URLs")
        (self.bin / "curl").symlink_to(curl)
        arch = {"x86_64": "x86_64", "aarch64": "arm64"}[os.uname().machine]
        binary = self.root / "mirror" / self.version / f"bazel-{self.version}-linux-{arch}"
        binary.parent.mkdir(parents=True)
        return self._script(binary, 'echo official "$@"')

    def test_wrong_digest_is_refused(self) -> None:
        binary = self._mirror()
        found = hashlib.sha256(binary.read_bytes()).hexdigest()
        environment = {"BAZELW_MIRROR": f"file://{self.root}/mirror", "BAZELW_SOURCES": "official"}
        status, _, stderr = self._run("info", **environment)
        self.assertEqual(status, 1)
        self.assertRegex(stderr, rf"official: +file://.*/{binary.name} has sha256 {found}, wanted [0-9a-f]{{64}}")
        self.assertEqual([path.name for path in self.cache.rglob("bazel*")], [])

    def test_right_digest_is_kept(self) -> None:
        binary = self._mirror()
        found = hashlib.sha256(binary.read_bytes()).hexdigest()
        self._script(self.bin / "python3", "exit 0")
        script = self.scripts / "official.sh"
        text = script.read_text()
        (pinned,) = [
            line.split()[2] for line in text.splitlines() if f"{binary.name.split('-linux-')[1]}) echo" in line
        ]
        script.write_text(text.replace(pinned, found))
        environment = {"BAZELW_MIRROR": f"file://{self.root}/mirror", "BAZELW_SOURCES": "official"}
        self.assertEqual(self._run("info", **environment)[:2], (0, "official info\n"))
        shutil.rmtree(self.root / "mirror")
        self.assertEqual(self._run("info", **environment), (0, "official info\n", ""))

    def test_unknown_version(self) -> None:
        (self.workspace / ".bazelversion").write_text("7.99.0\n")
        status, _, stderr = self._run("info", BAZELW_SOURCES="official")
        self.assertEqual(status, 1)
        self.assertIn("no sha256 of Bazel 7.99.0 for", stderr)
        self.assertIn("pinned in third_party/bazel/official.sh", stderr)

    # The private prefix.

    def test_calls_at_once_build_one_prefix(self) -> None:
        (self.scripts / "debian_bazel.sh").write_text(_FAKE_DEBIAN)
        processes = [self._start("info", str(i), BAZELW_SOURCES="debian") for i in range(4)]
        answers = [process.communicate(timeout=60) for process in processes]
        self.assertEqual([stdout for stdout, _ in answers], [f"prefix info {i}\n" for i in range(4)])
        self.assertEqual((self.cache / "builds").read_text(), "x\n")
        self.assertEqual(sum(f"that prepares {self.cache}/prefix" in stderr for _, stderr in answers), 3)
        self.assertEqual(self._run("info", BAZELW_SOURCES="debian"), (0, "prefix info\n", ""))

    def test_killed_builder_leaves_no_half_prefix(self) -> None:
        (self.scripts / "debian_bazel.sh").write_text(_FAKE_DEBIAN)
        self.cache.mkdir(parents=True)
        (self.cache / "hang").touch()
        first = subprocess.Popen(
            [str(self.workspace / "bazelw"), "info"],
            env={"HOME": str(self.home), "PATH": str(self.bin), "BAZELW_SOURCES": "debian"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        deadline = time.monotonic() + 30
        while not (self.cache / "builds").exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        os.killpg(first.pid, 9)
        first.wait()
        (self.cache / "hang").unlink()
        self.assertEqual(self._run("info", BAZELW_SOURCES="debian")[:2], (0, "prefix info\n"))
        self.assertEqual((self.cache / "builds").read_text(), "x\nx\n")

    def test_fetched_bazel_spares_a_look_at_the_download_site(self) -> None:
        (self.scripts / "debian_bazel.sh").write_text(_FAKE_DEBIAN)
        self._script(self.bin / "python3", "exit 0")
        self.assertEqual(self._run("info", BAZELW_SOURCES="debian")[0], 0)
        mirror = {"BAZELW_MIRROR": f"file://{self.root}/nothing", "BAZELW_SOURCES": "official debian"}
        self.assertEqual(self._run("info", **mirror), (0, "prefix info\n", ""))

    def test_prefix_below_tmp_is_refused(self) -> None:
        if shutil.which("apt-get") is None:
            self.skipTest("no Debian")
        cache = f"/tmp/bazelw-test-{os.getpid()}"
        self.addCleanup(shutil.rmtree, cache, ignore_errors=True)
        status, _, stderr = self._run("info", XDG_CACHE_HOME=cache, BAZELW_SOURCES="debian")
        self.assertEqual(status, 1)
        self.assertIn("is below /tmp, which Bazel's sandbox hides; set XDG_CACHE_HOME", stderr)

    # The private Python.

    def test_python_is_added_where_there_is_none(self) -> None:
        self._script(self.bin / "bazel", '[ "$*" = --version ] && echo bazel 8.0.0 || echo "$PATH"')
        self.assertEqual(self._run("info")[1], f"{self.cache}/python/bin:{self.bin}\n")

    def test_python_without_pip_is_not_enough(self) -> None:
        self._script(self.bin / "python3", "exit 1")
        self._script(self.bin / "bazel", '[ "$*" = --version ] && echo bazel 8.0.0 || echo "$PATH"')
        self.assertEqual(self._run("info")[1], f"{self.cache}/python/bin:{self.bin}\n")

    def test_python_of_the_machine_is_enough(self) -> None:
        self._script(self.bin / "python3", "exit 0")
        self._script(self.bin / "bazel", '[ "$*" = --version ] && echo bazel 8.0.0 || echo "$PATH"')
        self.assertEqual(self._run("info")[1], f"{self.bin}\n")

    def test_no_python_to_be_had_is_a_warning(self) -> None:
        (self.scripts / "debian_python.sh").write_text("python_debian() { return 1; }\n")
        self._bazel("bazel", "bazel 8.0.0")
        status, stdout, stderr = self._run("info")
        self.assertEqual((status, stdout), (0, "bazel info\n"))
        self.assertIn("no python3 with pip on PATH and none could be fetched", stderr)

    # Whose it is.

    def test_another_user(self) -> None:
        if os.getuid() != 0 or not shutil.which("setpriv"):
            self.skipTest("needs root to become another user; without, every test here runs as an ordinary one")
        self._bazel("bazel", "bazel 8.0.0")
        os.chmod(self.home, 0o777)
        become = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
        if subprocess.run([*become, "test", "-x", self.workspace / "bazelw"], capture_output=True).returncode:
            self.skipTest("another user cannot reach this folder, or the sandbox has no other users")
        done = subprocess.run(
            [*become, self.workspace / "bazelw", "info"],
            env={"HOME": str(self.home), "PATH": f"{self.bin}"},
            executable=shutil.which("setpriv"),
            capture_output=True,
            text=True,
        )
        self.assertEqual((done.returncode, done.stdout), (0, "bazel info\n"), done.stderr)


if __name__ == "__main__":
    absltest.main()
