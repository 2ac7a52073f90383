"""`triton_model_test`: a model proven on a real server, for each Python and Triton version."""

load("//config:versions.bzl", "DEFAULT_PYTHON_VERSION", "DEFAULT_TRITON_VERSION")
load(":server_program.bzl", "SERVER_ATTRS", "driver_attr", "server_program")
load(":transitions.bzl", "ALLOWLIST_ATTR", "VERSION_ATTRS", "versions_transition")

_DOC = """Boots a real Triton server on the model and compares its answers with MLflow's own.

The model's input example goes through HTTP JSON, HTTP binary and gRPC, and must come back exactly as
`mlflow.pyfunc.load_model(...).predict(...)` answers in the model's environment. Then bad requests must be errors to their
sender only. Then the user's `requests` files. Nothing may be left behind."""

_ATTRS = ALLOWLIST_ATTR | VERSION_ATTRS | SERVER_ATTRS | driver_attr(
    "//tools/mlflow_backend_utils/server:model_test",
) | {
    "requests": attr.label_list(
        allow_files = [".json"],
        doc = "Files with `{\"request\": V2 body, \"response\": V2 body}`: each must be answered so.",
    ),
}

def _triton_model_test_impl(ctx):
    flags = []
    for file in ctx.files.requests:
        flags += ["--requests", file]
    return server_program(ctx, files = ctx.files.requests, flags = flags)

_triton_model_test = rule(
    implementation = _triton_model_test_impl,
    doc = _DOC,
    attrs = _ATTRS,
    cfg = versions_transition,
    test = True,
)

def triton_model_test(
        name,
        model,
        python_versions = [DEFAULT_PYTHON_VERSION],
        triton_versions = [DEFAULT_TRITON_VERSION],
        size = "large",
        tags = [],
        **kwargs):
    """One test for each Python and Triton version, and a suite `name` of them all.

    Args:
      name: name of the suite; a cell is `NAME_py3.11_triton24.10`.
      model: a `triton_model` without versions of its own, or a `triton_model_repository`.
      python_versions: minor versions of CPython.
      triton_versions: Triton releases; a server wheel must exist for each.
      size: size of each test.
      tags: tags of each test.
      **kwargs: attributes of the test rule.
    """
    cells = []
    for python_version in python_versions:
        for triton_version in triton_versions:
            cell = "{}_py{}_triton{}".format(name, python_version, triton_version)
            _triton_model_test(
                name = cell,
                size = size,
                model = model,
                python_version = python_version,
                tags = tags,
                triton_version = triton_version,
                **kwargs
            )
            cells.append(":" + cell)
    native.test_suite(
        name = name,
        tests = cells,
    )
