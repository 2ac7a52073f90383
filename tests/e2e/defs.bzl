"""Tests of served models on a real server."""

load("//:defs.bzl", "mlflow_model", "py_binary", "triton_model")
load("//rules:py.bzl", "settled_py_test")

def served_model(name, **kwargs):
    """A `triton_model` that `save_NAME.py` saves from the code in `NAME.py`.

    Args:
      name: name of the model.
      **kwargs: attributes of the `triton_model`.
    """
    py_binary(
        name = "save_" + name,
        testonly = True,
        srcs = ["save_{}.py".format(name)],
        data = [name + ".py"],
        deps = ["//third_party/requirements:dev"],
    )
    mlflow_model(
        name = name + "_model",
        testonly = True,
        trainer = ":save_" + name,
    )
    triton_model(
        name = name,
        testonly = True,
        env = "//repo:wine_env",
        model = ":{}_model".format(name),
        **kwargs
    )

def served_model_test(name, models, deps = [], size = "medium", **kwargs):
    """A test of `NAME.py` on a server with these models.

    Args:
      name: name of the test.
      models: labels of `triton_model`s; the first is the test's `model`.
      deps: libraries of the test.
      size: its size.
      **kwargs: attributes of the test.
    """
    settled_py_test(
        name = name,
        size = size,
        srcs = [name + ".py"],
        data = models + [
            "//backend:mlflow",
            "//third_party/triton:server",
            "//third_party/triton:tritonserver",
        ],
        env = {
            "BACKEND": "$(rlocationpath //backend:mlflow)",
            "MODELS": " ".join(["$(rlocationpath {})".format(model) for model in models]),
            "TRITONSERVER": "$(rlocationpath //third_party/triton:tritonserver)",
        },
        deps = deps + ["//tests/e2e:served_model"],
        **kwargs
    )
