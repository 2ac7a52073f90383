"""Programs that run in an execution environment, to save models with the packages that will load them."""

load("//rules:paths.bzl", "runfiles_path")
load("//rules:providers.bzl", "CondaPackEnvInfo")

_LAUNCHER = """#!/bin/sh
runfiles=${{RUNFILES_DIR:-$0.runfiles}}
case "$runfiles" in
/*) ;;
*) runfiles=$PWD/$runfiles ;;
esac
export RUNFILES_DIR="$runfiles"
exec "$runfiles/{environment}/bin/python3" -B -I "$runfiles/{bootstrap}" "$runfiles" "$runfiles/{program}" 1 {root} {args} "$@"
"""

def _environment_program_impl(ctx):
    environment = ctx.attr.environment[CondaPackEnvInfo].directory
    launcher = ctx.actions.declare_file(ctx.label.name)
    ctx.actions.write(
        output = launcher,
        content = _LAUNCHER.format(
            args = " ".join(ctx.attr.words),
            bootstrap = runfiles_path(ctx, ctx.file._bootstrap),
            environment = runfiles_path(ctx, environment),
            program = runfiles_path(ctx, ctx.file.program),
            root = ctx.workspace_name,
        ),
        is_executable = True,
    )
    files = [environment, ctx.file.program, ctx.file._bootstrap] + ctx.files.data
    return [DefaultInfo(executable = launcher, files = depset([launcher]), runfiles = ctx.runfiles(files))]

environment_program = rule(
    implementation = _environment_program_impl,
    doc = "A Python program that runs in an execution environment.",
    attrs = {
        "data": attr.label_list(allow_files = True, doc = "Files needed at run time."),
        "environment": attr.label(mandatory = True, providers = [CondaPackEnvInfo], doc = "Has the packages."),
        "program": attr.label(mandatory = True, allow_single_file = [".py"], doc = "The program."),
        # Rules have an attribute `args` already, which counts for `bazel run` only.
        "words": attr.string_list(doc = "Arguments before those of the caller; without blanks."),
        "_bootstrap": attr.label(default = "//rules:bootstrap.py", allow_single_file = True),
    },
    executable = True,
)
