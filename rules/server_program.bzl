"""Shared by `triton_model_test` and `triton_serve`: a driver program started on a server, a backend and a repository."""

load(":paths.bzl", "runfiles_path")
load(":providers.bzl", "TritonModelInfo", "TritonModelRepositoryInfo")
load(":transitions.bzl", "tool_transition")

SERVER_ATTRS = {
    "backends": attr.label_list(
        default = ["//backend:mlflow"],
        doc = "Python-based backends to install in the server, `triton_backend` targets.",
    ),
    "model": attr.label(
        mandatory = True,
        providers = [[TritonModelInfo], [TritonModelRepositoryInfo]],
        doc = "A `triton_model` or a `triton_model_repository`.",
    ),
    "_server": attr.label(default = "//third_party/triton:server"),
    "_tritonserver": attr.label(default = "//third_party/triton:tritonserver", allow_single_file = True),
}

def driver_attr(label):
    """The attribute `_driver`: a `py_binary` on the tools' Python, whatever the model's is."""
    return {
        "_driver": attr.label(
            default = label,
            executable = True,
            cfg = tool_transition,
        ),
    }

_LAUNCHER = """#!/bin/sh
# Finds its runfiles, then starts the driver on a real server.
if [ -n "${{RUNFILES_DIR:-}}" ] && [ -e "$RUNFILES_DIR/{driver}" ]; then
    runfiles=$RUNFILES_DIR
elif [ -n "${{TEST_SRCDIR:-}}" ] && [ -e "$TEST_SRCDIR/{driver}" ]; then
    runfiles=$TEST_SRCDIR
else
    runfiles=$0.runfiles
fi
case "$runfiles" in
/*) ;;
*) runfiles=$PWD/$runfiles ;;
esac
export RUNFILES_DIR="$runfiles"
exec "$runfiles/{driver}" {arguments} "$@"
"""

def server_program(ctx, files = [], flags = []):
    """Providers of an executable target that runs `_driver`.

    Args:
      ctx: context of a rule with SERVER_ATTRS and `_driver`.
      files: further runfiles.
      flags: further flags; a File stands for its path in the runfiles, joined to the flag before it.

    Returns:
      list of providers.
    """
    driver = ctx.executable._driver
    models = []
    if TritonModelInfo in ctx.attr.model:
        info = ctx.attr.model[TritonModelInfo]
        models = [info.model_name]
        tree = info.tree
        flags = ["--model_folder", tree] + flags
    else:
        info = ctx.attr.model[TritonModelRepositoryInfo]
        models = info.model_names
        tree = info.tree
        flags = ["--repository", tree] + flags
    flags = flags + ["--tritonserver", ctx.file._tritonserver]
    for backend in ctx.files.backends:
        flags = flags + ["--backend", backend]
    for name in models:
        flags = flags + ["--model", name]
    words = [
        "\"$runfiles/{}\"".format(runfiles_path(ctx, flag)) if type(flag) == "File" else "'{}'".format(flag)
        for flag in flags
    ]
    launcher = ctx.actions.declare_file(ctx.label.name)
    ctx.actions.write(
        output = launcher,
        content = _LAUNCHER.format(driver = runfiles_path(ctx, driver), arguments = " ".join(words)),
        is_executable = True,
    )
    runfiles = ctx.runfiles(
        files = [tree, driver] + files + ctx.files.backends,
        transitive_files = ctx.attr._server[DefaultInfo].files,
    ).merge(ctx.attr._driver[0][DefaultInfo].default_runfiles)
    return [DefaultInfo(executable = launcher, files = depset([launcher]), runfiles = runfiles)]
