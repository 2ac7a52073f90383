"""`py_site_packages`: wheels unpacked by an action, for `deps` of Python rules."""

load("@rules_python//python:py_info.bzl", "PyInfo")
load(":paths.bzl", "runfiles_path")
load(":providers.bzl", "PythonRuntimeInfo", "SitePackagesInfo")

_DOC = """Wheels unpacked into one folder that goes on `sys.path`.

Tests and headers of the packages are left out: every action that uses the folder lays out its files."""

_ATTRS = {
    "exclude": attr.string_list(
        default = ["*/tests/*", "*.pyi", "*.pyx", "*.pxd", "*.h", "*.hpp", "*/perf_analyzer*", "*/bin/perf*"],
        doc = "Patterns of paths, relative to the folder, that are left out (`*` matches slashes too).",
    ),
    "precompile": attr.bool(
        default = True,
        doc = "Compile the modules once, here, and not again in each program that imports them.",
    ),
    "programs": attr.bool(doc = "Put programs that wheels bring as files, such as `ruff`, into `bin/`."),
    "wheels": attr.label(mandatory = True, allow_files = [".whl"], doc = "Wheels of the configured Python."),
    "_bytecode": attr.label(
        default = "//tools/mlflow_backend_utils/env:bytecode.py",
        allow_single_file = True,
    ),
    "_runtime": attr.label(default = "//third_party/python:runtime", providers = [PythonRuntimeInfo]),
    "_tool": attr.label(
        default = "//tools/mlflow_backend_utils/env:site_packages.py",
        allow_single_file = True,
    ),
}

def _py_site_packages_impl(ctx):
    runtime = ctx.attr._runtime[PythonRuntimeInfo]
    tree = ctx.actions.declare_directory(ctx.label.name)
    args = ctx.actions.args()
    args.add_all(["-B", "-I", ctx.file._tool])
    args.add_all(ctx.files.wheels, before_each = "--wheel")
    args.add("--out", tree.path)
    args.add_all(ctx.attr.exclude, before_each = "--exclude")
    if ctx.attr.programs:
        args.add("--programs")
    if ctx.attr.precompile:
        args.add("--bytecode", ctx.file._bytecode)
    ctx.actions.run(
        executable = runtime.interpreter,
        arguments = [args],
        inputs = depset(ctx.files.wheels + [ctx.file._tool, ctx.file._bytecode], transitive = [runtime.files]),
        outputs = [tree],
        mnemonic = "UnpackWheels",
        progress_message = "Unpacking wheels %{label}",
    )
    return [
        DefaultInfo(files = depset([tree]), runfiles = ctx.runfiles([tree])),
        PyInfo(
            # Runfiles path: REPOSITORY/PACKAGE/NAME.
            imports = depset([runfiles_path(ctx, tree)]),
            transitive_sources = depset([tree]),
        ),
        SitePackagesInfo(tree = tree, wheels = depset(ctx.files.wheels)),
    ]

py_site_packages = rule(
    implementation = _py_site_packages_impl,
    doc = _DOC,
    attrs = _ATTRS,
)
