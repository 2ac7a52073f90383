"""Rules of the runtime repositories: the runtime as a provider, and the link-time stand-in for libpython."""

load("//rules:providers.bzl", "PythonRuntimeInfo")

def _python_runtime_impl(ctx):
    interpreter = ctx.file.interpreter
    return [
        DefaultInfo(files = depset(ctx.files.srcs)),
        PythonRuntimeInfo(
            files = depset(ctx.files.srcs),
            interpreter = interpreter,
            prefix = interpreter.dirname.rpartition("/")[0],
            private_libc = ctx.attr.private_libc,
            version = ctx.attr.version,
        ),
    ]

python_runtime = rule(
    implementation = _python_runtime_impl,
    doc = "A relocatable CPython prefix.",
    attrs = {
        "interpreter": attr.label(allow_single_file = True, mandatory = True, doc = "`bin/pythonX.Y` of the prefix."),
        "private_libc": attr.bool(doc = "Whether the prefix holds a C library, without which its interpreter does not run."),
        "srcs": attr.label_list(allow_files = True, mandatory = True, doc = "All files of the prefix."),
        "version": attr.string(mandatory = True, doc = "Full version, e.g. `3.11.7`."),
    },
)

# awk is POSIX: it is on every machine and worker that has a shell.
_AWK_IMPORT_LIBRARY = """awk '
{ print ".globl " $2 "\\n.type " $2 ",%" $1 "\\n" ($1 == "object" ? ".data" : ".text") "\\n" $2 ": .quad 0\\n.size " $2 ",8" }
END { print ".section .note.GNU-stack,\\"\\",%progbits" }' "$1" > "$2"
"""

_AWK_WEAK_HEADER = """awk '
BEGIN { print "#pragma GCC system_header\\n#define LIBPYTHON_IS_WEAK 1" }
{ print "#pragma weak " $2 }' "$1" > "$2"
"""

def _from_symbols(command, mnemonic, doc):
    def impl(ctx):
        ctx.actions.run_shell(
            inputs = [ctx.file.symbols],
            outputs = [ctx.outputs.out],
            arguments = [ctx.file.symbols.path, ctx.outputs.out.path],
            command = command,
            mnemonic = mnemonic,
        )
        return [DefaultInfo(files = depset([ctx.outputs.out]))]

    return rule(
        implementation = impl,
        doc = doc,
        attrs = {
            "out": attr.output(mandatory = True, doc = "The file to write."),
            "symbols": attr.label(
                allow_single_file = True,
                mandatory = True,
                doc = "`function NAME` or `object NAME` a line.",
            ),
        },
    )

import_library_source = _from_symbols(
    _AWK_IMPORT_LIBRARY,
    "PythonImportLibrary",
    "Assembly that defines the symbols of libpython, each eight bytes of nothing.",
)

weak_header = _from_symbols(
    _AWK_WEAK_HEADER,
    "PythonWeakHeader",
    "A header that makes every reference to libpython weak: what is compiled with it starts without that library.",
)
