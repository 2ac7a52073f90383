"""Versions that `//config` accepts. Protocol revisions: docs of the stub, table of releases."""

# Minor versions of CPython for which requirement locks exist.
PYTHON_VERSIONS = ["3.10", "3.11", "3.12", "3.13"]

DEFAULT_PYTHON_VERSION = "3.11"

# Triton release -> revision of the stub protocol that this stub speaks for it.
TRITON_PROTOCOLS = {
    "24.10": 8,
    "24.11": 8,
    "24.12": 8,
    "25.01": 8,
}

TRITON_VERSIONS = sorted(TRITON_PROTOCOLS.keys())

DEFAULT_TRITON_VERSION = "24.10"

# Releases of which a real server can be had as a wheel: what tests may boot.
TRITON_TEST_VERSIONS = ["24.10"]
