#!/bin/sh
# build_runtime.sh ZIG TARGET OUT: let zig build its C and C++ runtime once, and keep the pieces.
#
# zig builds libc++, libc++abi, libunwind, compiler_rt and the link stubs of glibc at the first link of a target, 35 CPU
# seconds, into a cache that a sandboxed action throws away. So one action links a two-line program, takes the pieces off
# the linker's command line, and every later link names them.
set -eu
zig=$1 target=$2 out=$3
mkdir -p "$out"

# Archives hold the path of their objects: a fixed relative folder makes them the same bytes everywhere.
work=$out.work
rm -rf "$work"
mkdir -p "$work"
trap 'rm -rf "$work"' EXIT
export ZIG_GLOBAL_CACHE_DIR="$work/cache" ZIG_LOCAL_CACHE_DIR="$work/cache"

printf 'int main() { try { throw 1; } catch (int) {} }\n' >"$work/main.cc"
"$zig" c++ -target "$target" -O2 -s -pie -fPIE "$work/main.cc" -o "$work/main" -v >"$work/log" 2>&1 || {
    cat "$work/log" >&2
    exit 1
}
grep '^ld.lld' "$work/log" | tr ' ' '\n' |
    grep -E '/o/[0-9a-f]+/([A-Za-z0-9+_]*crt[A-Za-z0-9]*\.o|lib[^/]*\.(a|so\.[0-9]+))$' |
    while read -r piece; do cp "$piece" "$out/"; done
for piece in libc++.a Scrt1.o libc.so.6 libcompiler_rt.a; do
    test -s "$out/$piece" || {
        echo "build_runtime.sh: zig's link line for $target names no $piece" >&2
        exit 1
    }
done
