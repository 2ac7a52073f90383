#!/bin/bash
# fetch.sh SCRIPTS OUT: Debian's `justbuild`, the one-process remote-execution farm, into the folder OUT.
#
# SCRIPTS is //third_party/bazel, whose way of unpacking Debian packages is used. OUT then holds
#   justbuild        starts the program with the loader and the libraries beside it, wherever OUT is moved to
#   justbuild.bin    the program
#   lib/             the loader and the libraries it needs
# or, where it cannot be had, only
#   reason           why not, for the test to print
# Exit status 0 in both cases: a machine without a farm still builds everything else.
set -euo pipefail

mkdir -p "$2"
SCRIPTS=$1 OUT=$(cd "$2" && pwd)
# shellcheck source=third_party/bazel/common.sh
. "$SCRIPTS/common.sh"
# shellcheck source=third_party/bazel/debian.sh
. "$SCRIPTS/debian.sh"

SUITE=forky
SOURCE_NAME=farm
TRIED=$OUT/tried
root=$OUT/root

: > "$TRIED"
trap 'rm -rf "$TRIED" "$root"' EXIT

unpack() {
    # Of what the package brings, the server runs none of these.
    debian_unpack "$root" "$SUITE" 'python3.*|git|perl.*|openssl.*|libc-gconv.*|gcc|g\+\+' justbuild || return 1
    local libraries loader
    libraries=$(debian_libraries "$root") loader=$(debian_loader "$root")
    mkdir -p "$OUT/lib"
    "$loader" --library-path "$libraries" --list "$root/usr/bin/justbuild" | awk '$2 == "=>" { print $3 }' |
        xargs cp -t "$OUT/lib"
    cp "$loader" "$OUT/lib/ld.so"
    cp "$root/usr/bin/justbuild" "$OUT/justbuild.bin"
    cat > "$OUT/justbuild" << 'EOF'
#!/bin/sh
here=$(dirname "$(readlink -f "$0")")
exec "$here/lib/ld.so" --library-path "$here/lib" "$here/justbuild.bin" "$@"
EOF
    chmod 755 "$OUT/justbuild"
    if ! "$OUT/justbuild" version > /dev/null 2> "$OUT/log"; then
        tried farm: "the unpacked justbuild does not run: $(tail -n 1 "$OUT/log")"
        return 1
    fi
    rm "$OUT/log"
}

if ! unpack; then
    rm -rf "${OUT:?}"/{lib,justbuild,justbuild.bin,log}
    { echo "Debian's justbuild cannot be had on this machine:" && cat "$TRIED"; } > "$OUT/reason"
fi
