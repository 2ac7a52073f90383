"""zig as a `cc_toolchain`: driver, prebuilt runtime, features."""

load("@rules_cc//cc:action_names.bzl", "ACTION_NAMES")
load(
    "@rules_cc//cc:cc_toolchain_config_lib.bzl",
    "env_entry",
    "env_set",
    "feature",
    "flag_group",
    "flag_set",
    "tool_path",
    "with_feature_set",
)
load("@rules_cc//cc:defs.bzl", "CcToolchainConfigInfo", "cc_common", "cc_toolchain")
load("//config:versions.bzl", "DEFAULT_PYTHON_VERSION", "DEFAULT_TRITON_VERSION")

_PYTHON_VERSION = str(Label("//config:python_version"))
_TRITON_VERSION = str(Label("//config:triton_version"))
_COMPILATION_MODE = "//command_line_option:compilation_mode"

# Build settings flow into the exec configuration too: without this, every Python version would build its own libc++.
def _settled_impl(_settings, _attr):
    return {
        _COMPILATION_MODE: "opt",
        _PYTHON_VERSION: DEFAULT_PYTHON_VERSION,
        _TRITON_VERSION: DEFAULT_TRITON_VERSION,
    }

_settled = transition(
    implementation = _settled_impl,
    inputs = [],
    outputs = [_COMPILATION_MODE, _PYTHON_VERSION, _TRITON_VERSION],
)

def _zig_runtime_impl(ctx):
    out = ctx.actions.declare_directory(ctx.label.name)
    ctx.actions.run(
        executable = ctx.executable._build_runtime,
        arguments = [ctx.file.zig.path, ctx.attr.target, out.path],
        inputs = depset(ctx.files.srcs + [ctx.file.zig]),
        outputs = [out],
        env = {
            "PATH": "/usr/bin:/bin",
            # Without it zig resolves its own link and leaves the sandbox.
            "ZIG_LIB_DIR": ctx.file.zig.dirname + "/lib",
        },
        mnemonic = "ZigRuntime",
        progress_message = "Building the C++ runtime for " + ctx.attr.target,
    )
    return [DefaultInfo(files = depset([out]))]

_zig_runtime = rule(
    implementation = _zig_runtime_impl,
    doc = "libc++, libunwind, compiler_rt and the link stubs of glibc for one target, built once.",
    cfg = _settled,
    attrs = {
        "srcs": attr.label_list(allow_files = True, doc = "zig's library sources."),
        "target": attr.string(mandatory = True, doc = "Target triple with glibc version."),
        "zig": attr.label(allow_single_file = True, mandatory = True, doc = "The compiler."),
        "_allowlist_function_transition": attr.label(
            default = "@bazel_tools//tools/allowlists/function_transition_allowlist",
        ),
        "_build_runtime": attr.label(
            default = "//third_party/zig:build_runtime.sh",
            allow_single_file = True,
            executable = True,
            cfg = "exec",
        ),
    },
)

_CXX_COMPILE = [
    ACTION_NAMES.cpp_compile,
    ACTION_NAMES.linkstamp_compile,
    ACTION_NAMES.cpp_header_parsing,
    ACTION_NAMES.cpp_module_compile,
    ACTION_NAMES.cpp_module_codegen,
]
_C_COMPILE = [
    ACTION_NAMES.c_compile,
    ACTION_NAMES.assemble,
    ACTION_NAMES.preprocess_assemble,
]
_COMPILE = _C_COMPILE + _CXX_COMPILE
_LINK_EXECUTABLE = [ACTION_NAMES.cpp_link_executable]
_LINK = _LINK_EXECUTABLE + [
    ACTION_NAMES.cpp_link_dynamic_library,
    ACTION_NAMES.cpp_link_nodeps_dynamic_library,
]

# In the order of a static link: users before what they use.
_RUNTIME_LIBRARIES = [
    "libc++.a",
    "libc++abi.a",
    "libunwind.a",
    "libm.so.6",
    "libc.so.6",
    "libpthread.so.0",
    "libdl.so.2",
    "librt.so.1",
    "libld.so.2",
    "libc_nonshared.a",
    "libcompiler_rt.a",
]

_LOADERS = {
    "aarch64": "/lib/ld-linux-aarch64.so.1",
    "x86_64": "/lib64/ld-linux-x86-64.so.2",
}

def _flags(actions, flags, mode = None, unless = []):
    return flag_set(
        actions = actions,
        flag_groups = [flag_group(flags = flags)],
        with_features = [with_feature_set(features = [mode], not_features = unless)] if mode else [],
    )

def _sanitizer(name, flags):
    return feature(
        name = name,
        flag_sets = [_flags(_COMPILE, flags)],
        implies = ["sanitized"],
    )

# Off unless asked for with `--features`. zig's driver understands one kind in each -fsanitize only. What was compiled so
# is linked with //third_party/sanitizers:runtime, and that of fuzzer with //third_party/sanitizers:fuzzer for its main.
_SANITIZERS = [
    feature(name = "sanitized", flag_sets = [
        _flags(_COMPILE, [
            "-O1",
            "-gline-tables-only",
            "-UNDEBUG",
            # zig asks for checks of its own, which call functions that no sanitizer watches.
            "-U_FORTIFY_SOURCE",
        ]),
    ]),
    _sanitizer("asan", ["-fsanitize=address"]),
    _sanitizer("tsan", ["-fsanitize=thread"]),
    _sanitizer("ubsan", ["-fsanitize=undefined", "-fno-sanitize-trap=all"]),
    # Counts what was reached and compared; only libFuzzer looks at it.
    _sanitizer("fuzzer", ["-fsanitize=fuzzer-no-link"]),
]

def _features(target, loader, lib, runtime):
    return [
        feature(name = "opt"),
        feature(name = "dbg"),
        feature(name = "fastbuild"),
        feature(name = "supports_pic", enabled = True),
        feature(name = "zig_environment", enabled = True, env_sets = [
            env_set(actions = _COMPILE + _LINK, env_entries = [env_entry(key = "ZIG_LIB_DIR", value = lib)]),
            env_set(actions = _C_COMPILE, env_entries = [env_entry(key = "ZIG_DRIVER", value = "cc")]),
        ]),
        feature(name = "default_compile_flags", enabled = True, flag_sets = [
            _flags(_COMPILE, [
                "-target",
                target,
                # zig turns on trapping UBSan where no optimisation is asked for.
                "-fno-sanitize=undefined",
                "-fdebug-compilation-dir=.",
                "-fno-omit-frame-pointer",
                "-Wall",
                "-no-canonical-prefixes",
                "-Wno-builtin-macro-redefined",
                "-D__DATE__=\"redacted\"",
                "-D__TIMESTAMP__=\"redacted\"",
                "-D__TIME__=\"redacted\"",
            ]),
            _flags(_CXX_COMPILE, ["-std=c++17"]),
            _flags(_COMPILE, ["-O2", "-DNDEBUG", "-g0", "-ffunction-sections", "-fdata-sections"], "opt"),
            _flags(_COMPILE, ["-O0", "-g"], "dbg"),
            _flags(_COMPILE, ["-O1", "-g0"], "fastbuild"),
        ]),
        feature(name = "default_link_flags", enabled = True, flag_sets = [
            _flags(_LINK, [
                "-target",
                target,
                "-nostdlib",
                "-nostartfiles",
                "-Wl,--as-needed",
                # A libpython of a newer host needs newer glibc symbols than the target's.
                "-Wl,--allow-shlib-undefined",
                "-Wl,-z,relro",
                "-Wl,-z,noexecstack",
            ]),
            _flags(_LINK_EXECUTABLE, ["-pie", "-Wl,--dynamic-linker=" + loader, runtime + "/Scrt1.o"]),
            _flags(_LINK, ["-Wl,--gc-sections"], "opt"),
            _flags(_LINK, ["-s"], "opt", unless = ["sanitized"]),
            _flags(_LINK, [runtime + "/" + library for library in _RUNTIME_LIBRARIES]),
        ]),
    ] + _SANITIZERS

_TOOLS = {
    "ar": "bin/zigar",
    "cpp": "bin/zigcc",
    "gcc": "bin/zigcc",
    "ld": "bin/zigcc",
}

# Bazel asks for a path; nothing here uses these.
_UNUSED_TOOLS = ["dwp", "gcov", "llvm-cov", "llvm-profdata", "nm", "objcopy", "objdump", "strip"]

def _zig_config_impl(ctx):
    lib = ctx.file.zig.dirname + "/lib"
    return cc_common.create_cc_toolchain_config_info(
        ctx = ctx,
        abi_libc_version = ctx.attr.target,
        abi_version = "clang",
        compiler = "clang",
        cxx_builtin_include_directories = [
            lib + "/" + folder
            for folder in ["libcxx/include", "libcxxabi/include", "include", "libc/include", "libunwind/include"]
        ],
        features = _features(ctx.attr.target, _LOADERS[ctx.attr.cpu], lib, ctx.files.runtime[0].path),
        host_system_name = "local",
        target_cpu = ctx.attr.cpu,
        target_libc = "glibc",
        target_system_name = ctx.attr.target,
        tool_paths = [tool_path(name = name, path = path) for name, path in _TOOLS.items()] +
                     [tool_path(name = name, path = "/bin/false") for name in _UNUSED_TOOLS],
        toolchain_identifier = "zig_" + ctx.attr.cpu,
    )

_zig_config = rule(
    implementation = _zig_config_impl,
    doc = "Features and tools of one target CPU.",
    attrs = {
        "cpu": attr.string(mandatory = True, doc = "`x86_64` or `aarch64`."),
        "runtime": attr.label(mandatory = True, cfg = "exec", doc = "The prebuilt runtime."),
        "target": attr.string(mandatory = True, doc = "Target triple with glibc version."),
        "zig": attr.label(allow_single_file = True, mandatory = True, doc = "The compiler."),
    },
    provides = [CcToolchainConfigInfo],
)

_INCLUDES = [
    "ziglang/lib/include/**",
    "ziglang/lib/libcxx/include/**",
    "ziglang/lib/libcxxabi/include/**",
    "ziglang/lib/libunwind/include/**",
    "ziglang/lib/libc/include/any-linux-any/**",
    "ziglang/lib/libc/include/generic-glibc/**",
]

_CPU_INCLUDES = {
    "aarch64": ["ziglang/lib/libc/include/aarch64-linux-*/**"],
    "x86_64": [
        "ziglang/lib/libc/include/x86-linux-*/**",
        "ziglang/lib/libc/include/x86_64-linux-*/**",
    ],
}

def zig_toolchain(cpu, glibc, host_cpu):
    """Declares the toolchain for one target CPU, in the repository that holds zig.

    Args:
      cpu: `x86_64` or `aarch64`, the target.
      glibc: oldest glibc to run on, e.g. `2.28`.
      host_cpu: CPU of the machine that compiles.
    """
    target = "{}-linux-gnu.{}".format(cpu, glibc)
    tools = ["ziglang/zig"] + native.glob(["bin/*"])
    native.filegroup(
        name = "compiler_files_" + cpu,
        srcs = tools + native.glob(_INCLUDES + _CPU_INCLUDES[cpu], allow_empty = True),
    )
    _zig_runtime(
        name = "runtime_" + cpu,
        srcs = native.glob(["ziglang/lib/**"]),
        target = target,
        zig = "ziglang/zig",
    )
    native.filegroup(
        name = "linker_files_" + cpu,
        # zig insists that its library folder exists; one file of it is enough.
        srcs = tools + ["ziglang/lib/std/std.zig", ":runtime_" + cpu],
    )
    native.filegroup(
        name = "all_files_" + cpu,
        srcs = [":compiler_files_" + cpu, ":linker_files_" + cpu],
    )
    native.filegroup(name = "no_files_" + cpu)
    _zig_config(
        name = "config_" + cpu,
        cpu = cpu,
        runtime = ":runtime_" + cpu,
        target = target,
        zig = "ziglang/zig",
    )
    cc_toolchain(
        name = "cc_" + cpu,
        all_files = ":all_files_" + cpu,
        ar_files = ":linker_files_" + cpu,
        as_files = ":compiler_files_" + cpu,
        compiler_files = ":compiler_files_" + cpu,
        dwp_files = ":no_files_" + cpu,
        linker_files = ":linker_files_" + cpu,
        objcopy_files = ":no_files_" + cpu,
        strip_files = ":no_files_" + cpu,
        supports_param_files = True,
        toolchain_config = ":config_" + cpu,
        toolchain_identifier = "zig_" + cpu,
    )
    native.toolchain(
        name = "toolchain_" + cpu,
        exec_compatible_with = ["@platforms//os:linux", "@platforms//cpu:" + host_cpu],
        target_compatible_with = ["@platforms//os:linux", "@platforms//cpu:" + cpu],
        toolchain = ":cc_" + cpu,
        toolchain_type = "@bazel_tools//tools/cpp:toolchain_type",
    )
