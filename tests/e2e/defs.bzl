"""Tests of a served model on a real server."""

load("//:defs.bzl", "mlflow_model", "py_binary", "triton_model")
load("//rules:py.bzl", "settled_py_test")
load("//tests/skipped:skipped.bzl", "skipped_test")
load(":environment_program.bzl", "environment_program")

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

def environment_model(name, program, environment, data = [], words = [], python_version = "", **kwargs):
    """A `triton_model` that is saved by the environment that serves it.

    Args:
      name: name of the model.
      program: saves it in the folder that `--output` names.
      environment: a `conda_pack_env`.
      data: what the program reads.
      words: further arguments of the program.
      python_version: minor version of CPython, that of the environment.
      **kwargs: attributes of the `triton_model`.
    """
    environment_program(
        name = name + "_save",
        testonly = True,
        data = data,
        environment = environment,
        program = program,
        tags = ["manual"],
        words = words,
    )
    mlflow_model(
        name = name + "_model",
        testonly = True,
        python_version = python_version,
        tags = ["manual"],
        trainer = name + "_save",
    )
    triton_model(
        name = name,
        testonly = True,
        env = environment,
        model = name + "_model",
        python_version = python_version,
        tags = ["manual"],
        **kwargs
    )

def served_model_test(name, model, environment = None, reason = "", deps = [], size = "medium", **kwargs):
    """A test of `NAME.py` on a server with one model, which `save_MODEL.py` saves.

    Args:
      name: name of the test.
      model: name of the model.
      environment: a `conda_pack_env` that saves and serves the model; without one, `MODEL.py` is the model's code and
        the example model's environment serves it.
      reason: why this machine cannot have the environment; empty: it can.
      deps: libraries of the test.
      size: its size.
      **kwargs: attributes of the `triton_model`.
    """
    if reason:
        skipped_test(name, reason)
        return
    if environment:
        environment_model(name = model, program = "save_{}.py".format(model), environment = environment, **kwargs)
    else:
        served_model(model, **kwargs)
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

def shared_server_test(name, models, deps = [], size = "medium", **kwargs):
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
        deps = deps + ["//tests/e2e:shared_server"],
        **kwargs
    )
