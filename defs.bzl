"""Everything a user may `load()`."""

load("//rules:conda_pack_env.bzl", _conda_pack_env = "conda_pack_env")
load("//rules:mlflow_model.bzl", _mlflow_model = "mlflow_model")
load("//rules:py.bzl", _py_binary = "py_binary", _py_test = "py_test")
load("//rules:py_site_packages.bzl", _py_site_packages = "py_site_packages")
load("//rules:triton_backend.bzl", _triton_backend = "triton_backend")
load("//rules:triton_model.bzl", _triton_model_rule = "triton_model_rule")
load("//rules:triton_model_repository.bzl", _triton_model_repository = "triton_model_repository")
load("//rules:triton_model_test.bzl", _triton_model_test = "triton_model_test")
load("//rules:triton_python_stub.bzl", _triton_python_stub = "triton_python_stub")
load("//rules:triton_serve.bzl", _triton_serve = "triton_serve")

conda_pack_env = _conda_pack_env
mlflow_model = _mlflow_model
py_binary = _py_binary
py_site_packages = _py_site_packages
py_test = _py_test
triton_backend = _triton_backend
triton_model_repository = _triton_model_repository
triton_model_rule = _triton_model_rule
triton_model_test = _triton_model_test
triton_python_stub = _triton_python_stub
triton_serve = _triton_serve

def triton_model(name, serve_tags = ["manual"], **kwargs):
    """`triton_model_rule`, and `NAME.serve` to run it on a real server.

    Args:
      name: name of the target, and of the model in Triton unless `model_name` says otherwise.
      serve_tags: tags of `NAME.serve`.
      **kwargs: attributes of `triton_model_rule`.
    """
    _triton_model_rule(
        name = name,
        **kwargs
    )
    _triton_serve(
        name = name + ".serve",
        model = ":" + name,
        tags = serve_tags,
        testonly = kwargs.get("testonly", False),
        visibility = kwargs.get("visibility"),
    )
