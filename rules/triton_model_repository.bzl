"""`triton_model_repository`: many models in one folder."""

load(":providers.bzl", "TritonModelInfo", "TritonModelRepositoryInfo")
load(":transitions.bzl", "ALLOWLIST_ATTR", "tool_transition")

_DOC = """A Triton model repository: one folder with a subfolder for each model.

Models with the same environment share one archive: the first one (by name) holds it, the others' `EXECUTION_ENV_PATH`
points there, and the server unpacks it once.

```starlark
triton_model_repository(
    name = "models",
    models = [":my_model", ":my_other_model"],
)
```
"""

_ATTRS = ALLOWLIST_ATTR | {
    "models": attr.label_list(
        mandatory = True,
        providers = [TritonModelInfo],
        doc = "`triton_model` targets; their names in Triton must differ.",
    ),
    "_merge": attr.label(
        default = "//tools/mlflow_backend_utils/repository:merge",
        executable = True,
        cfg = tool_transition,
    ),
}

def _triton_model_repository_impl(ctx):
    trees = {}
    for target in ctx.attr.models:
        info = target[TritonModelInfo]
        if info.model_name in trees:
            fail("triton_model_repository \"{}\": two models are named \"{}\"; set 'model_name' of one of them.".format(
                ctx.label.name,
                info.model_name,
            ))
        trees[info.model_name] = info.tree
    tree = ctx.actions.declare_directory(ctx.label.name)
    args = ctx.actions.args()
    for name, model in sorted(trees.items()):
        args.add("--model", name + "=" + model.path)
    args.add("--out", tree.path)
    ctx.actions.run(
        executable = ctx.executable._merge,
        arguments = [args],
        inputs = trees.values(),
        outputs = [tree],
        mnemonic = "TritonRepository",
        progress_message = "Assembling model repository %{label}",
    )
    return [
        DefaultInfo(files = depset([tree]), runfiles = ctx.runfiles([tree])),
        OutputGroupInfo(_validation = depset(transitive = [
            target[OutputGroupInfo]._validation
            for target in ctx.attr.models
        ])),
        TritonModelRepositoryInfo(model_names = sorted(trees), tree = tree),
    ]

triton_model_repository = rule(
    implementation = _triton_model_repository_impl,
    doc = _DOC,
    attrs = _ATTRS,
)
