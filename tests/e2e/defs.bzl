"""Tests of a served model on a real server."""

load("//:defs.bzl", "mlflow_model", "py_binary", "triton_model")
load("//rules:py.bzl", "settled_py_test")

def served_models_test(name, models, deps = [], size = "medium", **kwargs):
    """A test of `NAME.py` on a server with models of a `saved_models`, configured as the test says.

    Args:
      name: name of the test.
      models: the `saved_models`.
      deps: libraries of the test.
      size: its size.
      **kwargs: attributes of the test.
    """
    settled_py_test(
        name = name,
        size = size,
        srcs = [name + ".py"],
        data = [
            models,
            "//backend:mlflow",
            "//stub",
            "//tests/e2e:environment",
            "//third_party/triton:server",
            "//third_party/triton:tritonserver",
        ],
        env = {
            "BACKEND": "$(rlocationpath //backend:mlflow)",
            "ENVIRONMENT": "$(rlocationpath //tests/e2e:environment)",
            "MODELS": "$(rlocationpath {})".format(models),
            "STUB": "$(rlocationpath //stub)",
            "TRITONSERVER": "$(rlocationpath //third_party/triton:tritonserver)",
        },
        deps = deps + ["//tests/e2e:served_model"],
        **kwargs
    )

def served_model_test(name, model, deps = [], size = "medium", **kwargs):
    """A test of `NAME.py` on a server with one model, which `save_MODEL.py` saves from the code in `MODEL.py`.

    Args:
      name: name of the test.
      model: name of the model.
      deps: libraries of the test.
      size: its size.
      **kwargs: attributes of the `triton_model`.
    """
    py_binary(
        name = "save_" + model,
        testonly = True,
        srcs = ["save_{}.py".format(model)],
        data = [model + ".py"],
        deps = ["//third_party/requirements:dev"],
    )
    mlflow_model(
        name = model + "_model",
        testonly = True,
        trainer = ":save_" + model,
    )
    triton_model(
        name = model,
        testonly = True,
        env = "//repo:wine_env",
        model = ":{}_model".format(model),
        **kwargs
    )
    settled_py_test(
        name = name,
        size = size,
        srcs = [name + ".py"],
        data = [
            ":" + model,
            "//backend:mlflow",
            "//third_party/triton:server",
            "//third_party/triton:tritonserver",
        ],
        env = {
            "BACKEND": "$(rlocationpath //backend:mlflow)",
            "MODEL": "$(rlocationpath :{})".format(model),
            "TRITONSERVER": "$(rlocationpath //third_party/triton:tritonserver)",
        },
        deps = deps + ["//tests/e2e:served_model"],
    )
