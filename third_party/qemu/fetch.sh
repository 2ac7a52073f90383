#!/bin/bash
# fetch.sh SCRIPTS OUT: what runs programs for aarch64 on x86_64, into the folder OUT: QEMU and Debian's C library.
#
# SCRIPTS is //third_party/bazel, whose way of asking Debian's archives is used. OUT then holds
#   qemu-aarch64-static   the emulator, which needs nothing else
#   sysroot/lib/          loader and C library of aarch64: qemu-aarch64-static -L OUT/sysroot PROGRAM
# or, where they cannot be had, only
#   reason                why not, for the test to print
# Exit status 0 in both cases.
set -euo pipefail

mkdir -p "$2"
SCRIPTS=$1 OUT=$(cd "$2" && pwd)
# shellcheck source=third_party/bazel/common.sh
. "$SCRIPTS/common.sh"
# shellcheck source=third_party/bazel/debian.sh
. "$SCRIPTS/debian.sh"

SUITE=bookworm
# Package, version, sha256 of its file for this CPU.
PINNED='qemu-user-static 1:7.2+dfsg-7+deb12u18+b3 c3e3ba2bd87f8c5b9a5da5ef21b5a3b82d7c63b89dd448d9ddaa4eabc5b6e402
libc6-arm64-cross 2.36-8cross1 91936cbbee75771c360ed16513f6e734a25ca5517fe7c3e13dfd7835d7553186'
SOURCE_NAME=qemu
TRIED=$OUT/tried
work=$OUT/work

: > "$TRIED"
trap 'rm -rf "$TRIED" "$work"' EXIT

unpack() {
    local package version digest file
    if [ "$(uname -m)" != x86_64 ]; then
        tried qemu: "only its build for x86_64 is pinned, and this machine is $(uname -m)"
        return 1
    fi
    if ! command -v apt-get dpkg-deb > /dev/null; then
        tried qemu: "this is no Debian-like machine: no apt-get, no dpkg-deb"
        return 1
    fi
    debian_apt "$work/apt" "$SUITE" qemu-user-static || return 1
    while read -r package version digest; do
        if ! (cd "$work/apt/debs" && apt-get -c ../apt.conf -qq download "$package=$version") 2> "$work/apt/log"; then
            tried qemu: "$package $version: $(debian_reason "$work/apt/log"); pin the version that Debian has now in ${0##*/}"
            return 1
        fi
        file=$(find "$work/apt/debs" -name "${package}_*.deb")
        if [ "$(sha256sum < "$file")" != "$digest  -" ]; then
            tried qemu: "$package $version has sha256 $(sha256sum < "$file" | cut -c 1-64), and $digest is pinned in ${0##*/}"
            return 1
        fi
        # Each package has files of one pattern only; what is missing in the end is told below.
        dpkg-deb --fsys-tarfile "$file" | tar -x -C "$work" --no-same-owner --wildcards \
            './usr/bin/qemu-aarch64-static*' './usr/aarch64-linux-gnu/lib/*' 2> /dev/null || true
    done <<< "$PINNED"
    mkdir -p "$OUT/sysroot/lib"
    if ! mv "$work/usr/bin/qemu-aarch64-static" "$OUT" 2> "$work/log" ||
        ! mv "$work"/usr/aarch64-linux-gnu/lib/{ld-linux-aarch64.so.1,lib{c,dl,m,pthread,rt}.so.*} "$OUT/sysroot/lib" 2> "$work/log"; then
        tried qemu: "the packages are not as expected: $(tail -n 1 "$work/log")"
        return 1
    fi
}

if ! unpack; then
    rm -rf "${OUT:?}"/{qemu-aarch64-static,sysroot}
    { echo "Debian's qemu-user-static cannot be had on this machine:" && cat "$TRIED"; } > "$OUT/reason"
fi
