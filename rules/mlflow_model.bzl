"""`mlflow_model`: an MLflow model folder as a build output."""

load(":providers.bzl", "MlflowModelInfo")
load(":transitions.bzl", "ALLOWLIST_ATTR", "python_transition", "tool_transition")

_DOC = """An MLflow model folder, made reproducible: no times, run ids or paths of the machine that saved it.

Exactly one of `srcs`, `trainer` and `folder` says where it comes from:

```starlark
mlflow_model(
    name = "wine",
    trainer = ":train_wine",  # py_binary that saves a model in the folder given by --output
)
```
"""

_ATTRS = ALLOWLIST_ATTR | {
    "folder": attr.label(
        doc = "A target whose only output is a model folder, such as `@models//:wine`.",
    ),
    "python_version": attr.string(
        doc = "Minor version of the CPython that trains; empty: that of `//config:python_version`.",
    ),
    "srcs": attr.label_list(
        allow_files = True,
        doc = "The files of a saved model in the source tree; one of them is `MLmodel`, the others lie beside or below it.",
    ),
    "trainer": attr.label(
        executable = True,
        # Not `exec`: the model must be saved by the Python and the packages that will load it.
        cfg = "target",
        doc = "A program that trains and saves the model: run as an action with `--output FOLDER`, which does not exist yet.",
    ),
    "_normalize": attr.label(
        default = "//tools/mlflow_backend_utils/model:normalize",
        executable = True,
        cfg = tool_transition,
    ),
}

def _folder_of_srcs(ctx):
    markers = [f for f in ctx.files.srcs if f.basename == "MLmodel"]
    if len(markers) != 1:
        fail(("mlflow_model \"{}\": 'srcs' must hold exactly one file named MLmodel, there are {}. " +
              "Give all files of one saved model, e.g. glob([\"model/**\"]).").format(ctx.label.name, len(markers)))
    return markers[0].dirname, ctx.files.srcs

def _trained_folder(ctx):
    raw = ctx.actions.declare_directory(ctx.label.name + ".trained")
    ctx.actions.run(
        executable = ctx.executable.trainer,
        arguments = ["--output", raw.path],
        outputs = [raw],
        env = {
            # Sets and dicts of strings must iterate alike in every run, or pickles differ.
            "PYTHONHASHSEED": "0",
            "SOURCE_DATE_EPOCH": "315532800",
        },
        mnemonic = "TrainModel",
        progress_message = "Training %{label}",
    )
    return raw.path, [raw]

def _mlflow_model_impl(ctx):
    given = [name for name in ["srcs", "trainer", "folder"] if getattr(ctx.attr, name)]
    if len(given) != 1:
        fail("mlflow_model \"{}\": give exactly one of 'srcs', 'trainer' and 'folder'; given: {}.".format(
            ctx.label.name,
            ", ".join(given) or "none",
        ))
    if ctx.attr.srcs:
        path, inputs = _folder_of_srcs(ctx)
    elif ctx.attr.trainer:
        path, inputs = _trained_folder(ctx)
    else:
        inputs = ctx.files.folder
        if len(inputs) != 1 or not inputs[0].is_directory:
            fail("mlflow_model \"{}\": 'folder' must give one directory; {} gives {} files.".format(
                ctx.label.name,
                ctx.attr.folder.label,
                len(inputs),
            ))
        path = inputs[0].path
    tree = ctx.actions.declare_directory(ctx.label.name)
    args = ctx.actions.args()
    args.add("--model", path)
    args.add("--out", tree.path)
    ctx.actions.run(
        executable = ctx.executable._normalize,
        arguments = [args],
        inputs = inputs,
        outputs = [tree],
        mnemonic = "NormalizeModel",
        progress_message = "Making %{label} reproducible",
    )
    return [
        DefaultInfo(files = depset([tree]), runfiles = ctx.runfiles([tree])),
        MlflowModelInfo(tree = tree),
    ]

mlflow_model = rule(
    implementation = _mlflow_model_impl,
    doc = _DOC,
    attrs = _ATTRS,
    cfg = python_transition,
)
