"""Fetching: the store, the order pip gets, and the words for each way of failing. pip itself is stood in for."""

import hashlib
import os
import sys
from pathlib import Path
from unittest import mock

from absl.testing import absltest, parameterized

from mlflow_backend_utils.env import lock

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "..", "..", "third_party", "wheels"))

import fetch  # noqa: E402
import store  # noqa: E402
import tags  # noqa: E402

_FAKE_PIP = os.path.join(os.path.dirname(__file__), "fake_pip.py")
_PLATFORM = "manylinux_2_28_x86_64"
_WANTED, _FOUND = "0" * 64, "ae74fb96" * 8

_MISMATCH = f"""\
WARNING: Location 'file:///elsewhere/click/' is ignored: it is neither a file nor a directory.
ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE. If you have …
    click==8.1.7 from https://index.example/00/click-8.1.7-py3-none-any.whl#sha256={_FOUND} (from -r 0.txt (line 1)):
        Expected sha256 {_WANTED}
        Expected     or {"1" * 64}
             Got        {_FOUND}
"""
_NO_WHEEL = """\
ERROR: Could not find a version that satisfies the requirement numpy==1.26.4 (from versions: 2.3.0, 2.3.1)
ERROR: No matching distribution found for numpy==1.26.4
"""


class FetchTest(parameterized.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.folder = Path(self.create_tempdir().full_path)
        self.index = self.folder / "index"
        self.index.mkdir()
        self.calls = self.folder / "calls"
        self.pip = [sys.executable, "-B", _FAKE_PIP]
        environ = {"FAKE_PIP_WHEELS": str(self.index), "FAKE_PIP_CALLS": str(self.calls), "FAKE_PIP_OUTPUT": ""}
        self.enter_context(mock.patch.dict(os.environ, environ))

    def publish(self, name: str, content: bytes = b"wheel") -> str:
        (self.index / f"{name}-1.0-py3-none-any.whl").write_bytes(content + name.encode())
        digest = hashlib.sha256(content + name.encode()).hexdigest()
        return f"{name}==1.0 \\\n    --hash=sha256:{_WANTED} \\\n    --hash=sha256:{digest}\n"

    def fetch(self, text: str, out: str = "out", version: str = "3.11.7", jobs: int = 2) -> list[dict[str, str]]:
        path = self.folder / "x.lock"
        path.write_text(text)
        return fetch.fetch(
            str(path), str(self.folder / out), version, _PLATFORM, jobs, str(self.folder / "store"), self.pip
        )

    def pip_calls(self) -> list[str]:
        return self.calls.read_text().splitlines() if self.calls.exists() else []

    def test_fetches_and_tells_what(self) -> None:
        text = "".join(self.publish(name) for name in "abc")
        found = self.fetch(text)
        self.assertEqual([wheel["file"] for wheel in found], [f"{name}-1.0-py3-none-any.whl" for name in "abc"])
        self.assertEqual({wheel["version"] for wheel in found}, {"1.0"})
        self.assertLen(self.pip_calls(), 2)
        for call in self.pip_calls():
            for flag in ("--require-hashes", "--no-deps", "--only-binary=:all:", "--python-version=3.11.7"):
                self.assertIn(flag, call)
            self.assertIn(f"--platform={_PLATFORM} ", call)

    def test_constraints_of_the_machine_do_not_matter(self) -> None:
        with mock.patch.dict(os.environ, {"PIP_CONSTRAINT": "constraints.txt"}):
            self.fetch(self.publish("a"))
        self.assertStartsWith(self.pip_calls()[0], f"constraint={os.devnull} download ")

    def test_second_fetch_needs_no_pip(self) -> None:
        text = "".join(self.publish(name) for name in "ab")
        first = self.fetch(text)
        calls = len(self.pip_calls())
        self.assertEqual(self.fetch(text, "again"), first)
        self.assertLen(self.pip_calls(), calls)

    def test_other_target_is_asked_anew(self) -> None:
        text = self.publish("a")
        self.fetch(text)
        self.fetch(text, version="3.12.1")
        self.assertLen(self.pip_calls(), 2)

    def test_spoilt_store_is_not_used(self) -> None:
        text = self.publish("a")
        self.fetch(text)
        (stored,) = (self.folder / "store").rglob("*.whl")
        stored.write_bytes(b"spoilt")
        self.fetch(text, "again")
        self.assertLen(self.pip_calls(), 2)

    def test_copies_cannot_spoil_the_store(self) -> None:
        text = self.publish("a")
        (wheel,) = self.fetch(text)
        (self.folder / "out" / wheel["file"]).write_bytes(b"spoilt")
        self.fetch(text, "again")
        self.assertLen(self.pip_calls(), 1)

    def test_old_wheels_in_the_folder_go(self) -> None:
        self.fetch(self.publish("a"))
        self.fetch(self.publish("b"))
        self.assertEqual(os.listdir(self.folder / "out"), ["b-1.0-py3-none-any.whl"])

    def test_wrong_hash(self) -> None:
        os.environ["FAKE_PIP_OUTPUT"] = _MISMATCH
        with self.assertRaises(fetch.FetchError) as caught:
            self.fetch(self.publish("a"))
        words = str(caught.exception)
        self.assertStartsWith(
            words, "x.lock: click-8.1.7-py3-none-any.whl does not have the digest that the lock names"
        )
        self.assertIn(f"wanted sha256 {_WANTED}", words)
        self.assertIn(f"found  sha256 {_FOUND}", words)
        self.assertIn("uv pip compile --generate-hashes", words)
        self.assertNotIn("index.example", words)

    def test_no_wheel_for_the_target(self) -> None:
        os.environ["FAKE_PIP_OUTPUT"] = _NO_WHEEL
        with self.assertRaisesRegex(
            fetch.MissingWheelError,
            f"^x.lock: numpy==1.26.4 has no wheel for Python 3.13.0 on {_PLATFORM}. Choose a version",
        ):
            self.fetch(self.publish("a"), version="3.13.0")

    def test_no_wheel_among_other_failures(self) -> None:
        self.assertTrue(fetch.is_missing(_NO_WHEEL))
        self.assertFalse(fetch.is_missing(_NO_WHEEL + _MISMATCH))
        self.assertFalse(fetch.is_missing("ERROR: Connection refused"))

    def test_other_failures_keep_the_words_of_pip(self) -> None:
        os.environ["FAKE_PIP_OUTPUT"] = "ERROR: Connection refused"
        with self.assertRaisesRegex(fetch.FetchError, "x.lock: pip download failed:\n  ERROR: Connection refused"):
            self.fetch(self.publish("a"))

    def test_pip_that_brings_another_file(self) -> None:
        text = self.publish("a")
        self.publish("a", b"changed")
        with self.assertRaisesRegex(
            fetch.FetchError, "a-1.0-py3-none-any.whl does not have a digest that the lock names"
        ):
            self.fetch(text)

    def test_pip_that_brings_nothing(self) -> None:
        text = self.publish("a")
        (self.index / "a-1.0-py3-none-any.whl").unlink()
        with self.assertRaisesRegex(fetch.FetchError, "x.lock: a==1.0 was not downloaded for Python 3.11.7"):
            self.fetch(text)

    def test_lock_without_hashes(self) -> None:
        with self.assertRaisesRegex(lock.LockError, "x.lock:1: 'a==1.0' has no --hash"):
            self.fetch("a==1.0\n")
        self.assertEmpty(self.pip_calls())

    @parameterized.parameters("3.11", "3", "py311")
    def test_python_version_must_be_full(self, version: str) -> None:
        with self.assertRaisesRegex(fetch.FetchError, f"'{version}' is no full Python version; give X.Y.Z"):
            self.fetch("", version=version)

    def test_command_line(self) -> None:
        path = self.folder / "x.lock"
        path.write_text("a==1.0\n")
        common = [
            "--out",
            str(self.folder / "out"),
            "--python_version",
            "3.11.7",
            "--store",
            str(self.folder / "store"),
        ]
        self.assertEqual(fetch.main(["--lock", str(path), *common]), 1)
        self.assertEqual(fetch.main(["--lock", "nowhere.lock", *common]), 1)

    def test_exit_status(self) -> None:
        path = self.folder / "x.lock"
        path.write_text(self.publish("a"))
        arguments = ["--lock", str(path), "--out", str(self.folder / "out"), "--python_version", "3.11.7"]
        arguments += ["--store", str(self.folder / "store")]
        with mock.patch.object(fetch, "find_pip", return_value=self.pip):
            for output, status in ((_NO_WHEEL, 3), (_MISMATCH, 1), (_NO_WHEEL + _MISMATCH, 1), ("Refused", 1)):
                os.environ["FAKE_PIP_OUTPUT"] = output
                self.assertEqual(fetch.main(arguments), status, output)
            os.environ["FAKE_PIP_OUTPUT"] = ""
            self.assertEqual(fetch.main(arguments), 0)

    def test_store_folder(self) -> None:
        self.assertEqual(store.default_folder({"HOME": "/h"}), "/h/.cache/mlflow-backend/wheels")
        self.assertEqual(store.default_folder({"HOME": "/h", "XDG_CACHE_HOME": "/c"}), "/c/mlflow-backend/wheels")


class TagsTest(absltest.TestCase):
    def test_older_platforms_fit(self) -> None:
        found = tags.platform_tags(_PLATFORM)
        self.assertEqual(found[0], _PLATFORM)
        self.assertEqual(found[-2:], ["linux_x86_64", "any"])
        for tag in ("manylinux_2_17_x86_64", "manylinux2014_x86_64", "manylinux2010_x86_64", "manylinux1_x86_64"):
            self.assertIn(tag, found)
        self.assertNotIn("manylinux_2_34_x86_64", found)

    def test_others_stand_for_themselves(self) -> None:
        self.assertEqual(tags.platform_tags("macosx_11_0_arm64"), ["macosx_11_0_arm64", "any"])


if __name__ == "__main__":
    absltest.main()
