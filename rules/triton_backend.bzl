"""`triton_backend`: a Python-based backend as one folder, to be put into a server's `backends/`."""

_ATTRS = {
    "backend_name": attr.string(doc = "Name of the backend; empty: the target's name."),
    "srcs": attr.label_list(allow_files = True, mandatory = True, doc = "`model.py` and the packages beside it."),
}

def _triton_backend_impl(ctx):
    name = ctx.attr.backend_name or ctx.label.name
    markers = [f for f in ctx.files.srcs if f.basename == "model.py" and f.dirname == ctx.label.package]
    if len(markers) != 1:
        fail("triton_backend \"{}\": 'srcs' must hold model.py of this package; the server starts there.".format(ctx.label.name))
    root = markers[0].dirname
    tree = ctx.actions.declare_directory(name)
    args = ctx.actions.args()
    args.add(root)
    args.add(tree.path)
    args.add_all(ctx.files.srcs)
    ctx.actions.run_shell(
        inputs = ctx.files.srcs,
        outputs = [tree],
        arguments = [args],
        command = """set -eu
root=$1 out=$2
shift 2
for file; do
    target=$out/${file#"$root"/}
    mkdir -p "${target%/*}"
    cp -L "$file" "$target"
    chmod 0644 "$target"
done
""",
        mnemonic = "TritonBackend",
        progress_message = "Laying out backend %{label}",
    )
    return [DefaultInfo(files = depset([tree]), runfiles = ctx.runfiles([tree]))]

triton_backend = rule(
    implementation = _triton_backend_impl,
    doc = "The folder `NAME/` with `model.py`, as `backends/NAME` of a server wants it.",
    attrs = _ATTRS,
)
