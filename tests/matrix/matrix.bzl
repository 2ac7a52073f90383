"""A test for each cell of the table."""

load("//:defs.bzl", "conda_pack_env")
load("//tests/parity:parity.bzl", "parity_test")
load("//tests/pythons:pythons.bzl", "missing_python_test")
load(":cells.bzl", "AXES", "CELLS", "CORE_MODELS", "IMPOSSIBLE")

# The table for programs: see versions.py.
TABLE_JSON = json.encode(struct(
    axes = AXES,
    cells = CELLS,
    core_models = CORE_MODELS,
    impossible = IMPOSSIBLE,
))

# What the cells' environments are made from.
LOCKS = [
    "//third_party/requirements:{}_{}.lock".format(cell.lock_set, cell.python)
    for cell in CELLS
]

# Lock sets whose environment is another package's: it is packed once.
_ENVIRONMENTS = {
    "wine": "//repo:wine_env",
}

def matrix_tests(name):
    """Tests of the cells that no other package tests, and a suite of them all.

    Args:
      name: name of the suite; a cell is `NAME_py3.12_mlflow2.22_pandas2_numpy1.26_triton24.07`.
    """
    for lock_set in {cell.lock_set: None for cell in CELLS if cell.lock_set not in _ENVIRONMENTS}:
        # Of the Python of the test that asks for it.
        conda_pack_env(
            name = lock_set + "_env",
            testonly = True,
            # Not all tests: NumPy 2.2 itself imports some of its own.
            exclude = [
                "*/pandas/tests/*",
                "*/scipy/*/tests/*",
                "*/sklearn/*/tests/*",
            ],
            requirements = "@" + lock_set,
            tags = ["manual"],
        )
    tests = []
    for cell in CELLS:
        if cell.test:
            tests.append(cell.test)
            continue
        test = "{}_py{}_mlflow{}_pandas{}_numpy{}_triton{}".format(
            name,
            cell.python,
            cell.mlflow,
            cell.pandas,
            cell.numpy,
            cell.triton,
        )
        tests.append(test)
        if missing_python_test(test, cell.python):
            continue
        parity_test(
            name = test,
            size = "large",
            srcs = ["//tests/parity:sources"],
            at_least = len(CORE_MODELS),
            environment = _ENVIRONMENTS.get(cell.lock_set, cell.lock_set + "_env"),
            many = 100,
            models = CORE_MODELS,
            program = "//tests/parity:save_models.py",
            python_version = cell.python,
            triton_version = cell.triton,
        )
    native.test_suite(
        name = name,
        tests = tests,
    )
