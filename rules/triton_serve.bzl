"""`triton_serve`: `bazel run` a real server on a model."""

load(":server_program.bzl", "SERVER_ATTRS", "driver_attr", "server_program")

_DOC = """Serves a `triton_model` or `triton_model_repository` on a real Triton server until Ctrl-C.

`bazel run //repo:my_model.serve` prints the URLs and `curl` lines that work, for MLflow's scoring protocol and for Triton's;
`-- --port 5000 --http_port 8000` chooses their ports."""

def _triton_serve_impl(ctx):
    return server_program(ctx)

triton_serve = rule(
    implementation = _triton_serve_impl,
    doc = _DOC,
    attrs = SERVER_ATTRS | driver_attr("//tools/mlflow_backend_utils/server:serve"),
    executable = True,
)
