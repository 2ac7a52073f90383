"""Models by URI as external repositories, pinned by digest."""

load("//third_party/wheels:repository.bzl", "run_script")

_MODEL_BUILD = """
load("{rules}//rules:mlflow_model.bzl", "mlflow_model")

mlflow_model(
    name = "model",
    srcs = glob(["files/**"]),
    visibility = ["//visibility:public"],
)
"""

# Where URIs need packages (MLflow, boto3), a Python that has them.
_PYTHON = "MLFLOW_BACKEND_MODELS_PYTHON"

def _absolute(rctx, uri):
    """A relative path is meant from the root module's folder."""
    if ":" in uri or uri.startswith(("/", "~")):
        return uri
    return str(rctx.workspace_root.get_child(uri))

def _mlflow_model_repository_impl(rctx):
    run_script(
        rctx,
        Label("//third_party/models:fetch.py"),
        [
            "--name",
            rctx.attr.model_name,
            "--uri",
            _absolute(rctx, rctx.attr.uri),
            "--sha256",
            rctx.attr.sha256,
            "--out",
            "files",
        ],
        "mlflow.model(name = \"{}\")".format(rctx.attr.model_name),
        python = rctx.os.environ.get(_PYTHON),
    )
    rctx.file("BUILD", _MODEL_BUILD.format(rules = str(Label("//rules:x")).partition("//")[0]))

mlflow_model_repository = repository_rule(
    implementation = _mlflow_model_repository_impl,
    doc = "One model by URI: `//:model`, an `mlflow_model`.",
    attrs = {
        "model_name": attr.string(mandatory = True, doc = "Name of the model, for messages."),
        "sha256": attr.string(doc = "Digest of the model's tree; without it fetching fails and tells it."),
        "uri": attr.string(mandatory = True, doc = "Where the model is."),
    },
    # Not the variables of MLflow and AWS: by whichever way it comes, the model is the one with the digest.
    environ = [_PYTHON],
)

def _hub_impl(rctx):
    rctx.file("BUILD", "\n".join([
        "alias(name = {name}, actual = {actual}, visibility = [\"//visibility:public\"])".format(
            actual = repr(repository + "//:model"),
            name = repr(name),
        )
        for name, repository in rctx.attr.repositories.items()
    ]))

_models_hub = repository_rule(
    implementation = _hub_impl,
    doc = "One name for every model: `//:NAME`. A model is fetched when something asks for it.",
    attrs = {
        "repositories": attr.string_dict(mandatory = True, doc = "Model name to the repository's apparent prefix."),
    },
)

def model_set(name, models):
    """Declares the repositories of models by URI.

    Args:
      name: name of the hub repository, whose targets are the models.
      models: dict, model name to a struct of `uri` and `sha256` ("" while it is unknown).
    """
    repositories = {}
    for model, pin in models.items():
        member = "{}_{}".format(name, model)
        mlflow_model_repository(
            name = member,
            model_name = model,
            sha256 = pin.sha256,
            uri = pin.uri,
        )
        repositories[model] = "@" + member
    _models_hub(
        name = name,
        repositories = repositories,
    )
