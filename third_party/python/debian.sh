#!/bin/bash
# debian.sh SCRIPTS OUT X.Y: CPython X.Y from Debian's packages, in the folder OUT.
#
# SCRIPTS is //third_party/bazel, whose way of unpacking Debian packages is used. OUT then holds
#   packages/   unpacked; the prefix to copy is usr in it
#   libc/       Debian's C library, if the interpreter needs a newer one than this machine has
#   program     in that case, the interpreter as it was packed: the one in packages/ was made to run where it lies
# or, where it cannot be had, only
#   reason      why not
# Exit status 0 in both cases.
set -euo pipefail

mkdir -p "$2"
SCRIPTS=$1 OUT=$(cd "$2" && pwd) SERIES=$3
# shellcheck source=third_party/bazel/common.sh
. "$SCRIPTS/common.sh"
# shellcheck source=third_party/bazel/debian.sh
. "$SCRIPTS/debian.sh"

SOURCE_NAME=debian
TRIED=$OUT/tried
root=$OUT/packages

: > "$TRIED"
trap 'rm -rf "$TRIED"' EXIT

# The release whose default Python it is.
suite() {
    case $SERIES in
    3.9) echo bullseye ;;
    3.11) echo bookworm ;;
    3.13) echo trixie ;;
    3.14) echo forky ;;
    *) return 1 ;;
    esac
}

unpack() {
    local suite python libraries check said
    if ! suite=$(suite); then
        tried debian: "no release of Debian is known to have Python $SERIES"
        return 1
    fi
    debian_unpack "$root" "$suite" 'media-types|mailcap|netbase|tzdata|debconf|perl.*|dpkg|tar|libexpat1-dev|zlib1g-dev' \
        "python$SERIES" "libpython$SERIES-dev" patchelf || return 1
    python=$root/usr/bin/python$SERIES
    check=("$python" -I -B -c 'import bz2, ctypes, lzma, sqlite3, ssl, zlib')
    libraries=$(debian_libraries "$root")
    cp "$python" "$OUT/program"
    # With the C library of the machine where that is as new as the interpreter's; else with the packages' own.
    debian_patchelf "$root" --force-rpath --set-rpath "$libraries" "$python"
    mkdir "$OUT/libc"
    mv "$libraries"/ld-linux-*.so.* "$libraries"/lib{anl,c,dl,m,nss_*,pthread,resolv,rt,util}.so.* "$OUT/libc"
    if "${check[@]}" > /dev/null 2>&1; then
        rm -rf "$OUT/libc" "$OUT/program"
        return
    fi
    cp -a "$OUT/libc"/* "$libraries"
    debian_relocate "$root" "" "$python"
    if ! said=$("${check[@]}" 2>&1); then
        tried debian: "the unpacked Python $SERIES does not run: $(tail -n 1 <<< "$said")"
        return 1
    fi
}

if ! unpack; then
    sed 's/^ *//' "$TRIED" > "$OUT/reason"
    rm -rf "${OUT:?}"/{packages,libc,program}
fi
