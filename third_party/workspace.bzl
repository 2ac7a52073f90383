"""The repositories of MODULE.bazel for WORKSPACE mode."""

load("@bazel_tools//tools/build_defs/repo:http.bzl", "http_archive")
load("@bazel_tools//tools/build_defs/repo:utils.bzl", "maybe")
load("//config:versions.bzl", "PYTHON_VERSIONS", "STUB_PYTHON_VERSIONS", "TRITON_TEST_VERSIONS")
load("//third_party:extensions.bzl", "declare_headers", "declare_python_tools")
load("//third_party:versions.bzl", "LOCK_SETS", "OPTIONAL_LOCK_SETS")
load("//third_party/python:repository.bzl", "python_toolchain")
load("//third_party/triton:repository.bzl", "triton_server")
load("//third_party/wheels:repository.bzl", "lock_set", "repository_suffix")
load("//third_party/zig:repository.bzl", "zig_sdk")

# Digests as in the Bazel central registry's source.json of these versions.
_ARCHIVES = {
    "bazel_skylib": struct(
        integrity = "sha256-vCg8381SalLDIBJ5zaS8KYZS76iYsQtNsIN9xRZSdW8=",
        strip_prefix = "",
        url = "https://github.com/bazelbuild/bazel-skylib/releases/download/1.7.1/bazel-skylib-1.7.1.tar.gz",
    ),
    "platforms": struct(
        integrity = "sha256-IY7+juc20mo1cmY7N0olPAErcW2K8MB+hC6C8jigp+4=",
        strip_prefix = "",
        url = "https://github.com/bazelbuild/platforms/releases/download/0.0.10/platforms-0.0.10.tar.gz",
    ),
    "rules_cc": struct(
        integrity = "sha256-fiofbF3ZCObojXyAJXyZ0U4W+phbVjQih/3bajLENbU=",
        strip_prefix = "rules_cc-0.0.11",
        url = "https://github.com/bazelbuild/rules_cc/releases/download/0.0.11/rules_cc-0.0.11.tar.gz",
    ),
    "rules_python": struct(
        integrity = "sha256-pWQP3dS+sD6MH95e1xYMC6a9R359BIZhwwwGk2om/WM=",
        strip_prefix = "rules_python-0.22.1",
        url = "https://github.com/bazelbuild/rules_python/releases/download/0.22.1/rules_python-0.22.1.tar.gz",
    ),
}

def mlflow_backend_dependencies():
    """Rule sets this one is built on, where the user's WORKSPACE has not declared them before."""
    for name, archive in _ARCHIVES.items():
        maybe(
            http_archive,
            name = name,
            integrity = archive.integrity,
            strip_prefix = archive.strip_prefix,
            url = archive.url,
        )

def mlflow_backend_repositories(python_versions = STUB_PYTHON_VERSIONS, triton_versions = TRITON_TEST_VERSIONS):
    """Toolchains, runtimes, wheels and servers, and registers the toolchains.

    Args:
      python_versions: minor versions of CPython to provide.
      triton_versions: releases to provide real servers of.
    """
    zig_sdk(name = "zig_sdk")
    native.register_toolchains("@zig_sdk//:all")
    declare_headers()
    declare_python_tools()
    for version in python_versions:
        name = "python_" + repository_suffix(version)
        python_toolchain(
            name = name,
            uv = "@uv//:uv",
            version = version,
        )
        if version in PYTHON_VERSIONS:  # the others serve stubs alone
            native.register_toolchains("@{}//:all".format(name))
    for name, versions in LOCK_SETS.items():
        lock_set(
            name = name,
            locks = {
                version: Label("//third_party/requirements:{}_{}.lock".format(name, version))
                for version in versions
            },
            optional = name in OPTIONAL_LOCK_SETS,
        )
    for version in triton_versions:
        triton_server(
            name = "triton_" + repository_suffix(version),
            version = version,
        )
