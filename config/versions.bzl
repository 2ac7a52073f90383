"""Versions that `//config` accepts. Protocol revisions: docs of the stub, table of releases."""

# Minor versions of CPython that a stub is compiled for: what `//config:python_version` accepts.
STUB_PYTHON_VERSIONS = ["3.9", "3.10", "3.11", "3.12", "3.13", "3.14"]

# Those for which this workspace locks and tests whole models. MLflow 3 needs 3.10, and no CPython 3.14 that runs on the C
# library of the tested servers can be had everywhere. Whoever brings a lock of their own may use any of the others, too.
PYTHON_VERSIONS = ["3.10", "3.11", "3.12", "3.13"]

DEFAULT_PYTHON_VERSION = "3.11"

# Triton release -> revision of the stub protocol that its server speaks. One stub speaks all of them.
TRITON_PROTOCOLS = {
    "23.10": 1,
    "23.11": 2,
    "23.12": 3,
    "24.01": 3,
    "24.02": 3,
    "24.03": 4,
    "24.04": 5,
    "24.05": 5,
    "24.06": 6,
    "24.07": 6,
    "24.08": 7,
    "24.09": 7,
    "24.10": 8,
    "24.11": 8,
    "24.12": 8,
    "25.01": 8,
    "25.02": 9,
    "25.03": 9,
    "25.04": 10,
    "25.05": 10,
    "25.06": 10,
    "25.07": 10,
    "25.08": 10,
    "25.09": 10,
    "25.10": 10,
    "25.11": 10,
    "25.12": 10,
    "26.01": 10,
    "26.02": 10,
    "26.03": 11,
    "26.04": 11,
    "26.05": 11,
    "26.06": 11,
    "26.07": 11,
}

TRITON_VERSIONS = sorted(TRITON_PROTOCOLS.keys())

DEFAULT_TRITON_VERSION = "24.10"

# Releases of which a real server can be had as a wheel: what tests may boot.
TRITON_TEST_VERSIONS = ["23.10", "23.12", "24.03", "24.07", "24.10"]
