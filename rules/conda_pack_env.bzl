"""`conda_pack_env`: a relocatable execution environment from locked wheels."""

load("@bazel_skylib//rules:common_settings.bzl", "BuildSettingInfo")
load(":providers.bzl", "CondaPackEnvInfo", "PythonRuntimeInfo")
load(":transitions.bzl", "ALLOWLIST_ATTR", "python_transition", "tool_transition")

_DOC = """An execution environment in conda-pack's layout: `NAME.tar.gz`, and the same tree as a directory.

The pinned CPython and the wheels of a hashed lock are streamed into the archive; nothing is resolved or downloaded while
building. The archive holds `bin/activate` and `bin/conda-unpack`, and its bytes depend on the inputs alone.

```starlark
conda_pack_env(
    name = "env",
    requirements = "@wine",  # requirements.lock(name = "wine", …) in MODULE.bazel
)
```

LightGBM's wheels need the OpenMP runtime `libgomp.so.1` of the machine. Where another wheel bundles it, as those of scikit-learn
and XGBoost do, the environment has it as `lib/libgomp.so.1`; otherwise the server's machine must bring it.

Output group `directory` holds the unpacked tree.
"""

_ATTRS = ALLOWLIST_ATTR | {
    "exclude": attr.string_list(
        doc = "Patterns of archive paths to leave out, e.g. `*/pandas/tests/*` (`*` matches slashes too).",
    ),
    "level": attr.int(
        default = 4,
        doc = "gzip level, 0 to 9. Level 6 is 4 % smaller than 4 and takes three times as long.",
    ),
    "lock": attr.label(
        allow_single_file = True,
        mandatory = True,
        doc = "The hashed lock that `wheels` come from.",
    ),
    "pyc": attr.string(
        default = "unchecked",
        doc = "`unchecked`: ship compiled files, which saves seconds at each start of the model; `none`: ship sources only.",
        values = ["none", "unchecked"],
    ),
    "python_version": attr.string(
        doc = "Minor version of CPython, e.g. `3.12`; empty: that of `//config:python_version`.",
    ),
    "wheels": attr.label(
        allow_files = [".whl"],
        mandatory = True,
        doc = "All wheels of the lock, for the configured Python.",
    ),
    "_conda_pack": attr.label(default = "@conda_pack//:wheel", allow_single_file = True),
    # Runs on the tools' Python, and lets the environment's own compile its modules.
    "_pack": attr.label(default = "//tools/mlflow_backend_utils/env:pack", executable = True, cfg = tool_transition),
    "_python_version": attr.label(default = "//config:python_version"),
    "_runtime": attr.label(default = "//third_party/python:runtime", providers = [PythonRuntimeInfo]),
}

def _pack(ctx, runtime, output, flag, progress):
    args = ctx.actions.args()
    args.use_param_file("--flagfile=%s", use_always = True)
    args.set_param_file_format("multiline")
    args.add(runtime.prefix, format = "--runtime=%s")
    args.add_all(ctx.files.wheels, format_each = "--wheel=%s")
    args.add(ctx.file._conda_pack, format = "--conda_pack_wheel=%s")
    args.add(ctx.attr.level, format = "--level=%s")
    args.add(ctx.attr.pyc, format = "--pyc=%s")
    args.add_all(ctx.attr.exclude, format_each = "--exclude=%s")
    args.add(output.path, format = flag + "=%s")
    ctx.actions.run(
        executable = ctx.executable._pack,
        arguments = [args],
        inputs = depset(ctx.files.wheels + [ctx.file._conda_pack], transitive = [runtime.files]),
        outputs = [output],
        env = {
            "LC_ALL": "C.UTF-8",
            # Up to 3.10 the order of names in compiled files follows it.
            "PYTHONHASHSEED": "0",
        },
        mnemonic = "PackEnvironment",
        progress_message = progress,
        resource_set = _two_cores,
    )

def _two_cores(_os, _inputs):
    return {"cpu": 2}

def _conda_pack_env_impl(ctx):
    runtime = ctx.attr._runtime[PythonRuntimeInfo]
    if runtime.private_libc and not ctx.attr.testonly:
        fail(("conda_pack_env: the CPython {} of this machine runs only on the C library that came with it, so no server can " +
              "use an environment of it. Set MLFLOW_BACKEND_PYTHON_{} to the prefix of another one (uv or pyenv make such), " +
              "or set 'testonly'.").format(
            runtime.version,
            ctx.attr._python_version[BuildSettingInfo].value.replace(".", "_"),
        ))
    archive = ctx.actions.declare_file(ctx.label.name + ".tar.gz")
    directory = ctx.actions.declare_directory(ctx.label.name)
    _pack(ctx, runtime, archive, "--out", "Packing environment %{label}")
    _pack(ctx, runtime, directory, "--out_dir", "Laying out environment %{label}")
    return [
        DefaultInfo(files = depset([archive]), runfiles = ctx.runfiles([archive])),
        OutputGroupInfo(directory = depset([directory])),
        CondaPackEnvInfo(
            archive = archive,
            directory = directory,
            lock = ctx.file.lock,
            python_version = ctx.attr._python_version[BuildSettingInfo].value,
        ),
    ]

conda_pack_env_rule = rule(
    implementation = _conda_pack_env_impl,
    doc = _DOC,
    attrs = _ATTRS,
    cfg = python_transition,
)

def conda_pack_env(name, requirements = None, wheels = None, lock = None, **kwargs):
    """See `conda_pack_env_rule`; `requirements` names a lock set instead of its two parts.

    Args:
      name: name of the target.
      requirements: repository of a lock set, e.g. `@wine`; stands for `wheels` and `lock`.
      wheels: wheels of a lock, where there is no lock set.
      lock: the lock of `wheels`.
      **kwargs: attributes of `conda_pack_env_rule`.
    """
    if requirements:
        if wheels or lock:
            fail("conda_pack_env \"{}\": give either 'requirements' or 'wheels' and 'lock'.".format(name))
        wheels = requirements + "//:wheels"
        lock = requirements + "//:lock"
    conda_pack_env_rule(
        name = name,
        lock = lock,
        wheels = wheels,
        **kwargs
    )
