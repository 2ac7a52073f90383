"""`triton_model`: one model folder of a Triton model repository."""

load("@bazel_skylib//rules:common_settings.bzl", "BuildSettingInfo")
load(":providers.bzl", "CondaPackEnvInfo", "MlflowModelInfo", "TritonModelInfo", "TritonStubInfo")
load(":transitions.bzl", "ALLOWLIST_ATTR", "VERSION_ATTRS", "tool_transition", "versions_transition")

_DOC = """One model folder, ready for a Triton server that has the `mlflow` backend (`//backend:mlflow`):

```
NAME/config.pbtxt
NAME/triton_python_backend_stub   # mode 0755
NAME/conda-pack.tar.gz            # or env/, see environment_form
NAME/1/MLmodel …
```

```starlark
triton_model(
    name = "my_model",
    env = ":env",
    max_batch_size = 64,
    model = ":wine",
)
```

Building it also checks that the model's requirements are met by the lock and that the model loads and predicts in the
packed environment.
"""

_ATTRS = ALLOWLIST_ATTR | VERSION_ATTRS | {
    "allow_ragged_batch": attr.bool(
        default = True,
        doc = "Let Triton gather requests whose rows have different shapes, where the signature has variable axes besides the " +
              "rows (a tensor `[-1, -1]`). Each `predict` still gets rows of one shape.",
    ),
    "answer_form": attr.bool(
        doc = "One more output, `mlflow_answer_form`, tells in which form the model answered. With it a scoring gateway writes " +
              "the very JSON that `mlflow models serve` writes; without, what the signature suggests.",
    ),
    "config": attr.label(
        allow_single_file = [".pbtxt"],
        doc = "A hand-written `config.pbtxt`: what it says is kept, what it leaves out is filled in, " +
              "and what contradicts the model's signature fails the build.",
    ),
    "dynamic_batching": attr.bool(
        default = True,
        doc = "Let Triton gather requests into one `predict`; needs `max_batch_size` above 0.",
    ),
    "env": attr.label(
        mandatory = True,
        providers = [CondaPackEnvInfo],
        doc = "The execution environment, a `conda_pack_env`.",
    ),
    "environment_form": attr.string(
        default = "archive",
        doc = "`archive`: `conda-pack.tar.gz`, unpacked by the server at load; `directory`: `env/`, used in place.",
        values = ["archive", "directory"],
    ),
    "instance_count": attr.int(default = 1, doc = "Instances of the model in one server."),
    "instance_kind": attr.string(
        default = "KIND_CPU",
        doc = "Where instances run.",
        values = ["KIND_AUTO", "KIND_CPU", "KIND_GPU", "KIND_MODEL"],
    ),
    "max_batch_size": attr.int(default = 64, doc = "Rows that one `predict` may get; 0: no batching by the server."),
    "max_queue_delay_microseconds": attr.int(default = 0, doc = "How long a request may wait for others to batch with."),
    "max_queue_size": attr.int(doc = "A request that finds so many waiting is refused; 0: there is no limit."),
    "model": attr.label(providers = [MlflowModelInfo], doc = "The model of version 1; see `versions` for several."),
    "model_name": attr.string(doc = "Name in Triton; empty: the target's name."),
    "parameters": attr.string_dict(doc = "`parameters` of `config.pbtxt`."),
    "preferred_batch_sizes": attr.int_list(doc = "Batch sizes to send at once, without waiting for more."),
    "priority_levels": attr.int(
        doc = "Requests may have a priority from 1, the most urgent, to this; one that says nothing gets the middle one. " +
              "0: all are alike.",
    ),
    "queue_timeout_microseconds": attr.int(
        doc = "A request that waits for longer is refused; a request may say less itself. 0: it waits for as long as it takes.",
    ),
    "rate_limiter_priority": attr.int(
        doc = "An instance with a greater one gets resources less often; 0: Triton's default, which is 1.",
    ),
    "rate_limiter_resources": attr.string_dict(
        doc = "Resources of the whole server to how many of them an instance needs to work, e.g. `{\"threads\": \"4\"}`; " +
              "for servers with `--rate-limit=execution_count` and `--rate-limit-resource`.",
    ),
    "response_cache": attr.bool(
        doc = "Answer what was answered before from the server's cache, for servers with `--cache-config`.",
    ),
    "streaming": attr.bool(
        doc = "The decoupled transaction policy: answers come in pieces where the model has `predict_stream`. Clients " +
              "then use gRPC streams, or `/generate_stream` and `/generate` over HTTP.",
    ),
    "stub": attr.label(
        default = "//stub",
        providers = [TritonStubInfo],
        doc = "The native stub.",
    ),
    "version_policy": attr.string(doc = "`all`, `latest:N` or `specific:N,N`: the versions to serve; Triton's default is the latest."),
    "versions": attr.label_keyed_string_dict(
        providers = [MlflowModelInfo],
        doc = "Models to version numbers, e.g. `{\":wine_v1\": \"1\", \":wine_v2\": \"2\"}`.",
    ),
    "warm_up": attr.bool(doc = "Have the model answer its input example before it is ready."),
    "_assemble": attr.label(
        default = "//tools/mlflow_backend_utils/repository:assemble",
        executable = True,
        cfg = tool_transition,
    ),
    "_check": attr.label(
        default = "//tools/mlflow_backend_utils/model:check",
        executable = True,
        cfg = tool_transition,
    ),
    "_load_check": attr.label(
        default = "//tools/mlflow_backend_utils/model:load_check.py",
        allow_single_file = True,
    ),
    "_python_version": attr.label(default = "//config:python_version"),
    "_triton_version": attr.label(default = "//config:triton_version"),
    "_write_config": attr.label(
        default = "//tools/mlflow_backend_utils/config:write_config",
        executable = True,
        cfg = tool_transition,
    ),
}

_ENVIRONMENT_PATHS = {
    "archive": "$$TRITON_MODEL_DIRECTORY/conda-pack.tar.gz",
    "directory": "$$TRITON_MODEL_DIRECTORY/env",
}

def _models_by_version(ctx):
    """dict of version number (string) to the tree of the model."""
    models = {}
    if ctx.attr.model:
        models["1"] = ctx.attr.model[MlflowModelInfo].tree
    for target, version in ctx.attr.versions.items():
        if not version.isdigit() or version.startswith("0"):
            fail("triton_model \"{}\": version \"{}\" in 'versions' is not a number from 1 on.".format(ctx.label.name, version))
        if version in models:
            fail("triton_model \"{}\": version {} is given twice.".format(ctx.label.name, version))
        models[version] = target[MlflowModelInfo].tree
    if not models:
        fail("triton_model \"{}\": give 'model' or 'versions'.".format(ctx.label.name))
    return models

def _write_config(ctx, model, name):
    out = ctx.actions.declare_file(ctx.label.name + ".config.pbtxt")
    args = ctx.actions.args()
    args.add("--model", model.path)
    args.add("--name", name)
    args.add("--max_batch_size", ctx.attr.max_batch_size)
    args.add("--env_path", _ENVIRONMENT_PATHS[ctx.attr.environment_form])
    args.add("--instance_count", ctx.attr.instance_count)
    args.add("--instance_kind", ctx.attr.instance_kind)
    if ctx.attr.dynamic_batching and ctx.attr.max_batch_size:
        args.add("--dynamic_batching")
        args.add("--max_queue_delay_microseconds", ctx.attr.max_queue_delay_microseconds)
        args.add_all(ctx.attr.preferred_batch_sizes, before_each = "--preferred_batch_size")
        args.add("--priority_levels", ctx.attr.priority_levels)
        args.add("--queue_timeout_microseconds", ctx.attr.queue_timeout_microseconds)
        args.add("--max_queue_size", ctx.attr.max_queue_size)
    if not ctx.attr.allow_ragged_batch:
        args.add("--noallow_ragged_batch")
    for flag in ["answer_form", "response_cache", "streaming", "warm_up"]:
        if getattr(ctx.attr, flag):
            args.add("--" + flag)
    args.add("--rate_limiter_priority", ctx.attr.rate_limiter_priority)
    for key, value in sorted(ctx.attr.rate_limiter_resources.items()):
        args.add("--rate_limiter_resource", key + "=" + value)
    args.add("--version_policy", ctx.attr.version_policy)
    for key, value in sorted(ctx.attr.parameters.items()):
        args.add("--parameter", key + "=" + value)
    if ctx.file.config:
        args.add("--handwritten", ctx.file.config)
    args.add("--out", out)
    ctx.actions.run(
        executable = ctx.executable._write_config,
        arguments = [args],
        inputs = [model] + ([ctx.file.config] if ctx.file.config else []),
        outputs = [out],
        mnemonic = "TritonConfig",
        progress_message = "Writing config.pbtxt of %{label}",
    )
    return out

def _check(ctx, env, environment, model, version):
    """Stamps of the checks that the environment can serve the model."""
    requirements = ctx.actions.declare_file("{}.{}.requirements_checked".format(ctx.label.name, version))
    args = ctx.actions.args()
    args.add("--model", model.path)
    args.add("--lock", env.lock)
    args.add("--python_version", env.python_version)
    args.add("--out", requirements)
    ctx.actions.run(
        executable = ctx.executable._check,
        arguments = [args],
        inputs = [model, env.lock],
        outputs = [requirements],
        mnemonic = "CheckRequirements",
        progress_message = "Checking that the lock serves %{label}",
    )
    loaded = ctx.actions.declare_file("{}.{}.load_checked".format(ctx.label.name, version))
    ctx.actions.run_shell(
        # What the server will have is tried; an archive, unpacked as a server would. The model is copied because a sandbox
        # shows links, and MLflow refuses links that lead out of the model's folder.
        command = """set -eu
work="$4.work"
mkdir -p "$work/env"
trap 'rm -rf "$work"' EXIT
env=$1
if [ ! -d "$env" ]; then
    tar -xzf "$env" -C "$work/env"
    env=$work/env
fi
cp -RL "$3" "$work/model"
HOME="$work" "$env/bin/python3" -B -s "$2" --model "$work/model" --out "$4"
""",
        arguments = [environment.path, ctx.file._load_check.path, model.path, loaded.path],
        inputs = [environment, ctx.file._load_check, model, requirements],
        outputs = [loaded],
        mnemonic = "CheckModelLoads",
        progress_message = "Loading %{label} in its environment",
    )
    return [requirements, loaded]

def _triton_model_impl(ctx):
    name = ctx.attr.model_name or ctx.label.name
    models = _models_by_version(ctx)
    newest = models[str(max([int(version) for version in models]))]
    env = ctx.attr.env[CondaPackEnvInfo]
    stub = ctx.attr.stub[TritonStubInfo]
    if env.python_version != stub.python_version:
        fail("triton_model \"{}\": 'env' is for Python {} and 'stub' for Python {}; they must agree.".format(
            ctx.label.name,
            env.python_version,
            stub.python_version,
        ))
    environment = env.directory if ctx.attr.environment_form == "directory" else env.archive
    config = _write_config(ctx, newest, name)
    tree = ctx.actions.declare_directory(ctx.label.name)
    args = ctx.actions.args()
    args.add("--config", config)
    args.add("--stub", stub.executable)
    args.add("--env", environment.path)
    for version, model in models.items():
        args.add("--version", version + "=" + model.path)
    args.add("--out", tree.path)
    ctx.actions.run(
        executable = ctx.executable._assemble,
        arguments = [args],
        inputs = [config, stub.executable, environment] + models.values(),
        outputs = [tree],
        mnemonic = "TritonModel",
        progress_message = "Assembling %{label}",
    )
    checks = [stamp for version, model in models.items() for stamp in _check(ctx, env, environment, model, version)]
    return [
        DefaultInfo(files = depset([tree]), runfiles = ctx.runfiles([tree])),
        OutputGroupInfo(_validation = depset(checks), config = depset([config])),
        TritonModelInfo(
            environment = environment,
            model_name = name,
            python_version = ctx.attr._python_version[BuildSettingInfo].value,
            tree = tree,
            triton_version = ctx.attr._triton_version[BuildSettingInfo].value,
        ),
    ]

triton_model_rule = rule(
    implementation = _triton_model_impl,
    doc = _DOC,
    attrs = _ATTRS,
    cfg = versions_transition,
)
