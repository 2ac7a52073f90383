"""Wheels unpacked: places, duplicates, unsafe names."""

import zipfile
from pathlib import Path

from absl.testing import absltest

from mlflow_backend_utils.env import site_packages
from tests.unit.env import fixtures


class SitePackagesTest(absltest.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.folder = Path(self.create_tempdir().full_path)

    def test_unpacks_packages_only(self) -> None:
        files = {
            "a/__init__.py": "",
            "a/tests/t.py": "",
            "a-1.0.data/purelib/b.py": "B = 1\n",
            "a-1.0.data/scripts/tool": "#!python\n",
            "a-1.0.data/headers/a.h": "",
        }
        out = self.folder / "out"
        site_packages.unpack([fixtures.wheel(self.folder, "a", files)], str(out), ["*/tests/*"])
        found = sorted(str(p.relative_to(out)) for p in out.rglob("*") if p.is_file())
        info = [f"a-1.0.dist-info/{name}" for name in ("METADATA", "RECORD", "WHEEL")]
        self.assertEqual(found, [*info, "a/__init__.py", "b.py"])

    def test_equal_files_of_two_wheels_are_one(self) -> None:
        wheels = [fixtures.wheel(self.folder, name, {"shared/x.py": "X = 1\n"}) for name in ("a", "b")]
        site_packages.unpack(wheels, str(self.folder / "out"))
        self.assertEqual((self.folder / "out/shared/x.py").read_text(), "X = 1\n")

    def test_different_files_of_two_wheels_are_an_error(self) -> None:
        wheels = [fixtures.wheel(self.folder, name, {"shared/x.py": f"X = '{name}'\n"}) for name in ("a", "b")]
        with self.assertRaisesRegex(
            site_packages.WheelError, r"shared/x.py comes from a-1.0-\S+ and from b-1.0-\S+ with different content"
        ):
            site_packages.unpack(wheels, str(self.folder / "out"))
        site_packages.unpack(wheels, str(self.folder / "out2"), ["shared/*"])

    def test_names_that_lead_out_are_refused(self) -> None:
        for name in ("../x.py", "/x.py", "a/../../x.py"):
            wheel = fixtures.wheel(self.folder, "a", {name: ""})
            with self.assertRaisesRegex(site_packages.WheelError, "a-1.0-.*: unsafe file name"):
                site_packages.unpack([wheel], str(self.folder / "out"))

    def test_what_is_no_wheel_is_named(self) -> None:
        path = self.folder / "broken-1.0-py3-none-any.whl"
        path.write_bytes(b"no zip")
        with self.assertRaisesRegex(site_packages.WheelError, "broken-1.0-.*: cannot be read as a wheel"):
            site_packages.unpack([str(path)], str(self.folder / "out"))

    def test_unknown_data_scheme(self) -> None:
        wheel = fixtures.wheel(self.folder, "a", {"a-1.0.data/other/x": ""})
        with self.assertRaisesRegex(site_packages.WheelError, "unknown data scheme 'other'"):
            list(site_packages.wheel_files(wheel))

    def test_command_line(self) -> None:
        wheel = fixtures.wheel(self.folder, "a", {"a.py": ""})
        self.assertEqual(site_packages.main(["--wheel", wheel, "--out", str(self.folder / "out")]), 0)
        with zipfile.ZipFile(wheel, "a") as archive:
            archive.writestr("../x", "")
        self.assertEqual(site_packages.main(["--wheel", wheel, "--out", str(self.folder / "out")]), 1)


if __name__ == "__main__":
    absltest.main()
