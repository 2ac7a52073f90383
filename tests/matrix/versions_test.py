"""What versions.py makes of a table, and how it refuses a wrong one."""

import json
from pathlib import Path
from typing import Any

from absl.testing import absltest

from tests.matrix import versions

_CELL = {"python": "3.11", "mlflow": "3.1", "pandas": "2", "numpy": "1.26", "triton": "24.10", "test": None}
_LOCK = "mlflow-skinny==3.1.4 \\\n    --hash=sha256:00\nnumpy==1.26.4\npandas==2.3.3\n"


class VersionsTest(absltest.TestCase):
    def read(self, lock: str = _LOCK, **axes: Any) -> versions.Table:
        folder = Path(self.create_tempdir().full_path)
        (folder / "set_3.11.lock").write_text(lock)
        document = {
            "axes": {axis: [value] for axis, value in _CELL.items() if axis != "test"} | axes,
            "cells": [{**_CELL, "lock_set": "set"}],
            "core_models": ["a", "b"],
            "impossible": [{"reason": "no wheels", "values": {"python": "3.13", "numpy": "1.26"}}],
        }
        (folder / "table.json").write_text(json.dumps(document))
        return versions.read(folder / "table.json", folder)

    def test_section(self) -> None:
        readme = versions.updated(f"above\n{versions.BEGIN}\nold\n{versions.END}\nbelow\n", self.read())
        self.assertIn("| 3.11 | 3.1.4 | 2.3.3 | 1.26.4 | 24.10 | core |", readme)
        self.assertIn("The core is 2 models", readme)
        self.assertIn("no wheels", readme)
        self.assertNotIn("old", readme)
        self.assertStartsWith(readme, "above\n")
        self.assertEndsWith(readme, f"{versions.END}\nbelow\n")

    def test_pairs(self) -> None:
        self.assertEmpty(versions.missing_pairs(self.read()))
        missing = versions.missing_pairs(self.read(python=["3.11", "3.13"]))
        self.assertIn({"mlflow": "3.1", "python": "3.13"}, missing)
        self.assertNotIn({"numpy": "1.26", "python": "3.13"}, missing)

    def test_lock_of_another_version(self) -> None:
        with self.assertRaisesRegex(
            versions.TableError, r"set_3\.11\.lock holds mlflow-skinny 3\.17\.2, .* says 3\.1;"
        ):
            self.read(_LOCK.replace("3.1.4", "3.17.2"))

    def test_lock_without_a_package(self) -> None:
        with self.assertRaisesRegex(versions.TableError, r"set_3\.11\.lock lacks pandas"):
            self.read(_LOCK.replace("pandas", "polars"))

    def test_readme_without_markers(self) -> None:
        with self.assertRaisesRegex(versions.TableError, "README.md lacks the lines"):
            versions.updated("no table here", self.read())


if __name__ == "__main__":
    absltest.main()
