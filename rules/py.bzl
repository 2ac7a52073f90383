"""`py_binary` and `py_test` that run on the pinned interpreter, with nothing of the host's Python.

The rules of rules_python start through a script of the host's `python3`, which need not exist on a machine or a remote
worker. These start through `/bin/sh`. Libraries stay `py_library` of rules_python.
"""

load("@rules_python//python:py_info.bzl", "PyInfo")
load(":paths.bzl", "runfiles_path")
load(":providers.bzl", "PythonRuntimeInfo")
load(":transitions.bzl", "ALLOWLIST_ATTR", "tool_transition")

_LAUNCHER = """#!/bin/sh
# Finds its runfiles, then becomes the pinned interpreter.
if [ -n "${{RUNFILES_DIR:-}}" ] && [ -e "$RUNFILES_DIR/{interpreter}" ]; then
    runfiles=$RUNFILES_DIR
elif [ -e "$0.runfiles/{interpreter}" ]; then
    runfiles=$0.runfiles
elif [ -n "${{TEST_SRCDIR:-}}" ] && [ -e "$TEST_SRCDIR/{interpreter}" ]; then
    runfiles=$TEST_SRCDIR
else
    case "$0" in
    */*.runfiles/*) runfiles=${{0%.runfiles/*}}.runfiles ;;
    *)
        echo "$0: no runfiles; build with --build_runfile_links or use 'bazel run'" >&2
        exit 1
        ;;
    esac
fi
case "$runfiles" in
/*) ;;
*) runfiles=$PWD/$runfiles ;;
esac
export RUNFILES_DIR="$runfiles"
isolated=-I
if [ -n "${{PYTHONHASHSEED:-}}" ]; then
    # -I ignores the seed, too: the caller's other settings are taken away one by one.
    for name in $(env | sed -n 's/^\\(PYTHON[A-Z_]*\\)=.*/\\1/p'); do
        [ "$name" = PYTHONHASHSEED ] || unset "$name"
    done
    isolated=-s
fi
exec "$runfiles/{interpreter}" -B "$isolated" "$runfiles/{bootstrap}" "$runfiles" "$runfiles/{main}" {path_count} {paths} "$@"
"""

def _shell_quote(text):
    return "'" + text.replace("'", "'\\''") + "'"

def _import_paths(ctx):
    roots = {ctx.workspace_name: None}
    for dep in ctx.attr.deps:
        for path in dep[PyInfo].imports.to_list():
            roots[path] = None
    return roots.keys()

def _main_file(ctx):
    if ctx.file.main:
        return ctx.file.main
    wanted = ctx.label.name + ".py"
    matches = [f for f in ctx.files.srcs if f.basename == wanted]
    if len(matches) == 1:
        return matches[0]
    if len(ctx.files.srcs) == 1:
        return ctx.files.srcs[0]
    fail("'main' is needed: none of 'srcs' is named {} and there are {} of them.".format(wanted, len(ctx.files.srcs)))

def _expand(ctx, text):
    return ctx.expand_location(text, ctx.attr.data)

def _py_executable_impl(ctx):
    # An edge with a transition gives a list.
    runtime = ctx.attr._runtime[0] if type(ctx.attr._runtime) == "list" else ctx.attr._runtime
    runtime = runtime[PythonRuntimeInfo]
    main = _main_file(ctx)
    paths = _import_paths(ctx)
    launcher = ctx.actions.declare_file(ctx.label.name)
    ctx.actions.write(
        output = launcher,
        content = _LAUNCHER.format(
            bootstrap = runfiles_path(ctx, ctx.file._bootstrap),
            interpreter = runfiles_path(ctx, runtime.interpreter),
            main = runfiles_path(ctx, main),
            path_count = len(paths),
            paths = " ".join([_shell_quote(path) for path in paths]),
        ),
        is_executable = True,
    )
    runfiles = ctx.runfiles(
        files = ctx.files.srcs + ctx.files.data + [main, ctx.file._bootstrap],
        transitive_files = depset(transitive = [runtime.files] + [
            dep[PyInfo].transitive_sources
            for dep in ctx.attr.deps
        ]),
    ).merge_all([
        target[DefaultInfo].default_runfiles
        for target in ctx.attr.deps + ctx.attr.data
    ])
    return [
        DefaultInfo(
            executable = launcher,
            files = depset([launcher]),
            runfiles = runfiles,
        ),
        RunEnvironmentInfo(
            environment = {key: _expand(ctx, value) for key, value in ctx.attr.env.items()},
            inherited_environment = ctx.attr.env_inherit,
        ),
    ]

_COMMON_ATTRS = {
    "data": attr.label_list(allow_files = True, doc = "Files needed at run time."),
    "env": attr.string_dict(doc = "Environment of `bazel test` and `bazel run`; `$(rlocationpath …)` is expanded."),
    "env_inherit": attr.string_list(
        doc = "Variables that `bazel test` passes on from its caller; for tests that run a Bazel of their own.",
    ),
    "main": attr.label(allow_single_file = [".py"], doc = "The program; needed where `srcs` does not say it."),
    "srcs": attr.label_list(allow_files = [".py"], doc = "Python files."),
    "_bootstrap": attr.label(default = "//rules:bootstrap.py", allow_single_file = True),
}

def _python_attrs(**kwargs):
    return {
        "deps": attr.label_list(providers = [PyInfo], doc = "Python libraries.", **kwargs),
        "_runtime": attr.label(default = "//third_party/python:runtime", providers = [PythonRuntimeInfo], **kwargs),
    }

_ATTRS = _COMMON_ATTRS | _python_attrs()

py_binary = rule(
    implementation = _py_executable_impl,
    doc = "A Python program on the pinned interpreter of `//config:python_version`.",
    attrs = _ATTRS,
    executable = True,
)

py_test = rule(
    implementation = _py_executable_impl,
    doc = "A Python test on the pinned interpreter of `//config:python_version`.",
    attrs = _ATTRS,
    test = True,
)

settled_py_test = rule(
    implementation = _py_executable_impl,
    doc = """A Python test that runs on the default Python, whatever is configured; its `data` is of the configured one.

For what tests another program, such as the stub, and needs packages that not every Python has.""",
    attrs = ALLOWLIST_ATTR | _COMMON_ATTRS | _python_attrs(cfg = tool_transition),
    test = True,
)
