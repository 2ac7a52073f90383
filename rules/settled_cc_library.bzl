"""`settled_cc_library`: C++ that depends on neither the Python nor the Triton version, compiled once for all of them."""

load("@rules_cc//cc:defs.bzl", "CcInfo")
load(":transitions.bzl", "ALLOWLIST_ATTR", "tool_transition")

_DOC = """The library `library`, built with the default versions whatever is configured.

Without it, every version would compile the same sources to the same objects."""

def _settled_cc_library_impl(ctx):
    library = ctx.attr.library[0] if type(ctx.attr.library) == "list" else ctx.attr.library
    return [library[DefaultInfo], library[CcInfo]]

settled_cc_library = rule(
    implementation = _settled_cc_library_impl,
    doc = _DOC,
    attrs = ALLOWLIST_ATTR | {
        "library": attr.label(
            mandatory = True,
            cfg = tool_transition,
            providers = [CcInfo],
            doc = "A cc_library.",
        ),
    },
)
