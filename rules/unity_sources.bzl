"""`unity_sources`: a few C++ files that include many, for sources whose common headers cost more than they do themselves."""

_DOC = """`parts` files NAME_0.cc, NAME_1.cc, …, each of which includes its share of `srcs`.

The headers of pybind11 take five seconds of a compiler, a source of the stub that includes them one: together in four
parts its sources compile in a fifth of the time. The sources become the headers of the library, and each part is a
namespace of file-local names: two sources must not have the same."""

def _unity_sources_impl(ctx):
    outputs = []
    parts = ctx.attr.parts
    for part in range(parts):
        output = ctx.actions.declare_file("{}_{}.cc".format(ctx.label.name, part))
        srcs = ctx.files.srcs[len(ctx.files.srcs) * part // parts:len(ctx.files.srcs) * (part + 1) // parts]
        ctx.actions.write(output, "".join(["#include \"{}\"\n".format(_include_path(src)) for src in srcs]))
        outputs.append(output)
    return [DefaultInfo(files = depset(outputs))]

def _include_path(file):
    """The path below the root of the file's repository, which is where quoted includes are looked for."""
    if file.short_path.startswith("../"):
        return file.short_path.split("/", 2)[2]
    return file.short_path

unity_sources = rule(
    implementation = _unity_sources_impl,
    doc = _DOC,
    attrs = {
        "parts": attr.int(
            default = 1,
            doc = "How many files: as many as compile at once on a small machine.",
        ),
        "srcs": attr.label_list(
            allow_files = [".cc"],
            mandatory = True,
            doc = "The C++ sources.",
        ),
    },
)
