# shellcheck shell=bash
# A private Python with pip, for machines that have none: repository rules fetch wheels with pip.
#
# Actions and tests do not see it: they run on the Pythons the workspace pins (which may be copies of this one).

# Python 3.11, whose packages every Debian archive has had since 2023.
DEBIAN_PYTHON_SUITE=bookworm
DEBIAN_PYTHON_REVISION=3
DEBIAN_PYTHON_DROP='python3-(setuptools|wheel|lib2to3)|debconf|media-types|mailcap|netbase|perl.*|dpkg|tar|tzdata'
DEBIAN_PYTHON_DROP+='|libexpat1-dev|zlib1g-dev'

# Prints the folder of the private Python below the folder $1, making it first where it is not there yet.
python_debian() {
    local dir
    dir=$1/python-$DEBIAN_PYTHON_SUITE-r$DEBIAN_PYTHON_REVISION-$(uname -m)
    once "$dir/bin/python3" make_python_debian "$dir" && echo "$dir"
}

make_python_debian() {
    local dir=$1 began=$SECONDS python said
    # shellcheck disable=SC2034 # read by what is called from here
    local SOURCE_NAME=python
    rm -rf "$dir"
    mkdir -p "$dir/packages"
    say "preparing a private Python in $dir (once; this machine has no python3 with pip)"
    # With its shared library and headers it will also do as the Python 3.11 that the workspace copies.
    debian_unpack "$dir/packages" "$DEBIAN_PYTHON_SUITE" "$DEBIAN_PYTHON_DROP" \
        python3-pip python3 libpython3.11-dev ca-certificates patchelf || return 1
    python=$dir/packages/usr/bin/python3.11
    rm -rf "$dir"/packages/usr/lib/python3*/{EXTERNALLY-MANAGED,config-*} "$dir"/packages/usr/lib/*/*.a
    cat "$dir"/packages/usr/share/ca-certificates/mozilla/*.crt > "$dir/ca.crt"
    if ! said=$(python_adopt "$dir/packages" "$python"); then
        tried python: "the unpacked Python does not work: $(tail -n 1 <<< "$said")"
        return 1
    fi
    mkdir -p "$dir/bin"
    ln -s ../packages/usr/bin/python3.11 "$dir/bin/python3.11"
    ln -s python3.11 "$dir/bin/python3"
    say "the private Python is ready ($((SECONDS - began)) s)"
}

# python_adopt ROOT PYTHON: make PYTHON run with the libraries of ROOT. With the C library of the machine where that is
# as new as Debian's, since the workspace's copies of this Python must run without ROOT; else with ROOT's.
python_adopt() {
    local root=$1 python=$2 libraries
    local check=("$python" -c 'import bz2, ctypes, lzma, pip, ssl, sqlite3, venv, zlib')
    libraries=$(debian_libraries "$root")
    debian_patchelf "$root" --force-rpath --set-rpath "$libraries" "$python"
    mkdir "$libraries/libc"
    mv "$libraries"/ld-linux-*.so.* "$libraries"/lib{c,m,dl,rt,util,pthread,resolv,nsl,anl,nss_*}.so.* "$libraries/libc"
    "${check[@]}" > /dev/null 2>&1 && return
    mv "$libraries"/libc/* "$libraries"
    debian_relocate "$root" "" "$python"
    "${check[@]}" 2>&1
}
