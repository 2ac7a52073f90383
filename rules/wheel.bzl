"""`wheel`: modules of this workspace as a wheel."""

load("@rules_python//python:py_info.bzl", "PyInfo")
load(":transitions.bzl", "ALLOWLIST_ATTR", "tool_transition")

# What modules are imported from.
_ROOTS = ["tools", "backend"]

def _is_ours(file):
    return not file.owner.workspace_name and file.short_path.split("/")[0] in _ROOTS

def _wheel_impl(ctx):
    wheel = ctx.actions.declare_file("{}-{}-py3-none-any.whl".format(ctx.attr.distribution, ctx.attr.version))
    sources = depset(transitive = [dep[PyInfo].transitive_sources for dep in ctx.attr.deps]).to_list()
    modules = sorted([file for file in sources if _is_ours(file)], key = lambda file: file.short_path)
    args = ctx.actions.args()
    args.add("--output", wheel)
    args.add("--metadata", ctx.file.metadata)
    args.add("--entry_points", ctx.file.entry_points)
    args.add_all(_ROOTS, before_each = "--root")
    args.add_all(modules)
    ctx.actions.run(
        executable = ctx.executable._write,
        arguments = [args],
        inputs = modules + [ctx.file.metadata, ctx.file.entry_points],
        outputs = [wheel],
        mnemonic = "Wheel",
        progress_message = "Writing wheel %{label}",
    )
    return [DefaultInfo(files = depset([wheel]), runfiles = ctx.runfiles([wheel]))]

wheel = rule(
    implementation = _wheel_impl,
    doc = "A wheel of the modules of `deps` that are of this workspace; what they need is written in `metadata`.",
    attrs = ALLOWLIST_ATTR | {
        "deps": attr.label_list(mandatory = True, providers = [PyInfo], doc = "Python libraries."),
        "distribution": attr.string(mandatory = True, doc = "Name of the distribution, with `_`."),
        "entry_points": attr.label(mandatory = True, allow_single_file = True, doc = "`entry_points.txt`."),
        "metadata": attr.label(mandatory = True, allow_single_file = True, doc = "`METADATA`."),
        "version": attr.string(mandatory = True, doc = "Its version."),
        "_write": attr.label(default = "//tools/mlflow_backend_utils/wheel:write_wheel", executable = True, cfg = tool_transition),
    },
)
