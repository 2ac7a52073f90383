"""Spec 8.7, line 64: what a model answers when /dev/shm is full.

The server runs with a /dev/shm of its own, of which nobody else sees anything.
"""

from __future__ import annotations

import subprocess
from collections.abc import Sequence

import numpy as np
from absl.testing import absltest

from tests.conformance import harness
from tests.conformance.repository import Model

_SIZE_MIB = 32
_TOO_MUCH = 48 << 20
_ENOUGH = 4 << 20
# Folders there stay in sight: the test itself may lie in one, with `--sandbox_base=/dev/shm`.
_SCRIPT = f"""
set -e
exec 3< /dev/shm
mount -t tmpfs -o size={_SIZE_MIB}m tmpfs /dev/shm
for folder in /proc/self/fd/3/*/; do
    [ -d "$folder" ] || continue
    seen=/dev/shm/$(basename "$folder")
    mkdir "$seen"
    mount --no-canonicalize --rbind "$folder" "$seen"
done
exec 3<&-
exec "$@"
"""
_OWN_SHARED_MEMORY = ("unshare", "--map-root-user", "--mount", "sh", "-c", _SCRIPT, "sh")


class SharedMemoryFullTest(harness.ServerTest):
    MODELS = [Model("large", inputs=["DATA UINT8 -1"], outputs=["OUT UINT8 -1", "RESULT STRING 1"])]

    @classmethod
    def setUpClass(cls) -> None:
        if harness.differences.applies("full_shared_memory"):
            raise absltest.SkipTest(harness.differences.TABLE["full_shared_memory"])
        probe = subprocess.run([*_OWN_SHARED_MEMORY, "true"], capture_output=True, text=True, check=False)
        if probe.returncode != 0:
            raise absltest.SkipTest(f"this machine allows no /dev/shm of one's own: {probe.stderr.strip()}")
        super().setUpClass()

    @classmethod
    def launcher(cls) -> Sequence[str]:
        return [*_OWN_SHARED_MEMORY, *super().launcher()]

    def _make(self, size: int) -> np.ndarray:
        return self.infer("large", {"DATA": np.zeros(1, np.uint8)}, ["OUT"], {"mode": "make", "size": size})["OUT"]

    def _free(self) -> int:
        return self.free_bytes("large", {"DATA": np.zeros(1, np.uint8)})

    def test_line_64_output_that_does_not_fit(self) -> None:
        self._make(_ENOUGH)
        free = self._free()
        for _ in range(3):
            parameters = {"mode": "make", "size": _TOO_MUCH}
            error = self.infer_error("large", {"DATA": np.zeros(1, np.uint8)}, ["OUT"], parameters)
            self.assertRegex(
                str(error.message()),
                "Failed to increase the shared memory pool size for key '.+' to [0-9]+ bytes: No space left on device",
            )
            self.assertLen(self._make(_ENOUGH), _ENOUGH)
        self.assertSameFree(free, self._free())


if __name__ == "__main__":
    absltest.main()
