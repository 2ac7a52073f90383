"""The table of versions that models and backend are tested with. README.md shows it: `./bazelw run //tests/matrix:update`.

Every two values of two axes meet in a cell, unless no wheels let them. `//tests/matrix:readme_test` checks that, and that
the locks hold what the cells say.
"""

# The value of MLflow, pandas or NumPy is how a version begins.
AXES = {
    "mlflow": ["2.22", "3.17"],
    "numpy": ["1.26", "2"],
    "pandas": ["2", "3"],
    "python": ["3.10", "3.11", "3.12", "3.13"],
    # Those with a server's wheel that know Python-based backends: from 24.04 on.
    "triton": ["24.07", "24.10"],
}

# Values that cannot meet, and why.
IMPOSSIBLE = [
    struct(
        reason = "MLflow 2 requires `pandas<3`",
        values = {"mlflow": "2.22", "pandas": "3"},
    ),
    struct(
        reason = "pandas 3 has no wheels for Python before 3.11",
        values = {"pandas": "3", "python": "3.10"},
    ),
    struct(
        reason = "NumPy 1.26 has no wheels for Python after 3.12",
        values = {"numpy": "1.26", "python": "3.13"},
    ),
]

# Names of models of //tests/parity, which stand for all of it: what may depend on a version.
CORE_MODELS = [
    "any",
    "datetime_fractions",
    "frame_mixed",
    "function_of_texts",
    "map_of_arrays",
    "nullable_types",
    "object",
    "optional_absent",
    "outputs_inferred_of_texts",
    "params_shown",
    "refuses",
    "sklearn_mixed_columns",
    "tensor_image",
    "tensor_pair",
    "tensor_texts",
]

def _cell(python, mlflow, pandas, numpy, triton, lock_set, test = None):
    """One cell.

    Args:
      python: minor version.
      mlflow: how its version begins.
      pandas: how its version begins.
      numpy: how its version begins.
      triton: release of the server.
      lock_set: of third_party/requirements; holds the three packages.
      test: label of the test that runs all models in it; None: one of this package runs CORE_MODELS.
    """
    return struct(
        lock_set = lock_set,
        mlflow = mlflow,
        numpy = numpy,
        pandas = pandas,
        python = python,
        test = test,
        triton = triton,
    )

CELLS = [
    _cell("3.10", "2.22", "2", "2", "24.07", "mlflow2_numpy2"),
    _cell("3.10", "3.17", "2", "1.26", "24.10", "wine"),
    _cell("3.11", "2.22", "2", "1.26", "24.10", "mlflow2_numpy1"),
    _cell("3.11", "3.17", "3", "1.26", "24.07", "mlflow3_numpy1"),
    _cell("3.11", "3.17", "3", "2", "24.10", "wine", test = "//tests/parity:parity_test"),
    _cell("3.12", "2.22", "2", "1.26", "24.07", "mlflow2_numpy1"),
    _cell("3.12", "3.17", "3", "2", "24.10", "wine"),
    _cell("3.13", "2.22", "2", "2", "24.10", "mlflow2_numpy2"),
    _cell("3.13", "3.17", "3", "2", "24.07", "wine"),
]
