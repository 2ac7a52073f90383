#!/bin/bash
# fetch.sh SCRIPTS OUT PACKAGE VERSION SHA256 ...: LLVM's sanitizer runtimes and libFuzzer from Debian, into the folder OUT.
#
# SCRIPTS is //third_party/bazel, whose way of asking apt is used. OUT then holds static libraries of the packages. Where
# they cannot be had, OUT holds only `reason`: why not. Exit status 0 in both cases: all the rest builds without them. A
# package with another digest than the pinned one is an error.
set -euo pipefail

mkdir -p "$2"
SCRIPTS=$1 OUT=$(cd "$2" && pwd)
shift 2
# shellcheck source=third_party/bazel/common.sh
. "$SCRIPTS/common.sh"
# shellcheck source=third_party/bazel/debian.sh
. "$SCRIPTS/debian.sh"

SUITE=bookworm
SOURCE_NAME=sanitizers
TRIED=$OUT/tried
root=$OUT/root

: > "$TRIED"
trap 'rm -rf "$TRIED" "$root"' EXIT

fetch() {
    local debs=$root/apt/debs package version sha256 deb
    mkdir -p "$root/apt"
    if ! command -v apt-get dpkg-deb > /dev/null; then
        tried "$SOURCE_NAME:" "this is no Debian-like machine: no apt-get, no dpkg-deb"
        return 1
    fi
    if [ "$(dpkg --print-architecture)" != amd64 ]; then
        tried "$SOURCE_NAME:" "pinned for amd64 only, this is $(dpkg --print-architecture)"
        return 1
    fi
    debian_apt "$root/apt" "$SUITE" "$1" || return 1
    while [ $# -gt 0 ]; do
        package=$1 version=$2 sha256=$3
        shift 3
        if ! (cd "$debs" && apt-get -c ../apt.conf -qq download "$package=$version") 2> "$root/apt/log"; then
            tried "$SOURCE_NAME:" "no $package $version: $(debian_reason "$root/apt/log")"
            return 1
        fi
        deb=$(find "$debs" -name "${package}_*.deb")
        echo "$sha256  $deb" | sha256sum --check --quiet --strict - ||
            die "$package $version: wanted sha256 $sha256, found $(sha256sum "$deb" | cut -d ' ' -f 1). Fetch again," \
                "or pin anew in third_party/sanitizers/repository.bzl if the package has changed."
        dpkg-deb --fsys-tarfile "$deb" | tar -x -C "$root"
    done
}

if fetch "$@"; then
    find "$root/usr/lib" -name 'libclang_rt.*-x86_64.a' -regextype posix-extended \
        -regex '.*_rt\.((a|t)san(_cxx|_static)?|ubsan_standalone(_cxx)?|fuzzer)-x86_64\.a' -exec cp -t "$OUT" {} +
    find "$root/usr/lib" -name libstdc++.a -exec cp -t "$OUT" {} +
else
    { echo "Debian's sanitizer runtimes cannot be had on this machine:" && cat "$TRIED"; } > "$OUT/reason"
fi
