# shellcheck shell=bash
# Debian's Bazel: the packages bazel-bootstrap and bazel-rules-*, made to run from a folder of the user's.
#
# Debian packages Bazel for its own builds. For this one it lacks four things, each supplied below: two
# libraries it forgets to depend on, the paths it has compiled in, the modules that Bazel itself wants from
# the central registry, and the rule packages under the names a MODULE.bazel or WORKSPACE asks for.

DEBIAN_BAZEL_SUITE=forky
DEBIAN_BAZEL_VERSION=7.7.1
# Counts changes of what this file makes.
DEBIAN_BAZEL_REVISION=1

# Never used here: compilers, the JDK around the JRE, Debian's build tools, the Python that only rule
# packages' tools want, and what libraries on the class path need for uses Bazel has not.
DEBIAN_BAZEL_DROP='openjdk-.*-jdk-headless|default-jdk-headless|ca-certificates-java|g\+\+.*|gcc-[0-9].*|cpp.*|gcc'
DEBIAN_BAZEL_DROP+='|binutils.*|lib.*-dev|linux-libc-dev|dpkg-dev|perl|make|patch|python3|unzip|zip'
DEBIAN_BAZEL_DROP+='|libtomcat.*-java|libeclipse-jdt.*|libjgit-java|libjetty.*-java|libmongodb-java|libmaven.*'
DEBIAN_BAZEL_DROP+='|libjavaparser-java|libnss3|libcups.*|libpcsclite1|libasound2.*|libjs-.*|node-.*|util-linux'

# The modules that rule packages answer for: name in MODULE.bazel or WORKSPACE, folder below usr/share/bazel.
DEBIAN_BAZEL_MODULES='
    platforms=tools/platforms bazel_features=tools/features bazel_skylib=tools/skylib
    rules_cc=rules/cc rules_java=rules/java rules_license=rules/license rules_proto=rules/proto
    rules_python=rules/python'

# Debian's Bazel in the folder $1, once it is made.
debian_kept() { echo "$1/debian-$DEBIAN_BAZEL_VERSION-r$DEBIAN_BAZEL_REVISION-$(uname -m)/bazel"; }

# Prints the Bazel kept in the folder $1, making it first where it is not there yet.
bazel_debian() {
    local dir
    dir=$(dirname "$(debian_kept "$1")")
    case $dir/ in /tmp/*)
        tried debian: "$dir is below /tmp, which Bazel's sandbox hides; set XDG_CACHE_HOME to another folder"
        return 1
        ;;
    esac
    once "$dir/bazel" make_bazel_debian "$dir" && echo "$dir/bazel"
}

make_bazel_debian() {
    local dir=$1 share=$1/usr/share/bazel jre began=$SECONDS said
    # shellcheck disable=SC2034 # read by what is called from here
    local SOURCE_NAME=debian
    rm -rf "$dir"
    mkdir -p "$dir"
    say "preparing Debian's Bazel in $dir (once; nothing is installed on this machine)"
    debian_unpack "$dir" "$DEBIAN_BAZEL_SUITE" "$DEBIAN_BAZEL_DROP" \
        bazel-bootstrap libblake3-0 libperfmark-java patchelf || return 1

    jre=$(find "$dir"/usr/lib/jvm -maxdepth 1 -type d -name 'java-*-openjdk-*' | sort | head -n 1)
    debian_relocate "$dir" "" "$dir/usr/bin/bazel" "$dir"/usr/libexec/*-linux-gnu/bazel/*
    debian_relocate "$dir" "$jre/lib:$jre/lib/server:" "$jre/bin/java" "$jre/lib/jspawnhelper"
    find "$jre" -type l -lname '/etc/*' | while read -r link; do ln -sfn "$dir$(readlink "$link")" "$link"; done

    sed -i "s#/usr/share/java#$dir&#" "$share/bazel_classpath_debian_depends.txt"
    printf '%s\n' "$dir"/usr/share/java/perfmark-{api,impl}.jar >> "$share/bazel_classpath_debian_depends.txt"

    debian_bazel_registry "$dir/registry"
    debian_bazel_rc "$dir" > "$dir/bazelrc"
    cat > "$dir/bazel.new" << EOF
#!/bin/sh
exec $dir/usr/bin/bazel --nosystem_rc --bazelrc=$dir/bazelrc --server_javabase=$jre "\$@"
EOF
    chmod 755 "$dir/bazel.new"

    # Debian moves on: make sure that these packages still make a Bazel that starts, before it is used.
    mkdir "$dir/check"
    touch "$dir/check/MODULE.bazel"
    if ! said=$(cd "$dir/check" && "$dir/bazel.new" --batch --output_user_root="$dir/check/out" \
        --host_jvm_args=-Xmx512m info release 2>&1); then
        tried debian: "the unpacked Bazel does not start: $(tail -n 1 <<< "$said")"
        return 1
    fi
    chmod -R u+w "$dir/check"
    rm -rf "$dir/check"
    mv "$dir/bazel.new" "$dir/bazel"
    say "Debian's Bazel is ready ($((SECONDS - began)) s)"
}

# Modules that Bazel's own MODULE.bazel names and nothing here uses: empty ones, in a registry of files.
debian_bazel_registry() {
    local registry=$1 module name version
    for module in zlib=1.3.1.bcr.3 protobuf=3.19.6 protobuf=21.7 apple_support=1.23.1 buildozer=7.1.2; do
        name=${module%%=*} version=${module#*=}
        mkdir -p "$registry/modules/$name/$version" "$registry/empty/$name"
        echo "module(name = \"$name\", version = \"$version\")" |
            tee "$registry/empty/$name/MODULE.bazel" > "$registry/modules/$name/$version/MODULE.bazel"
        touch "$registry/empty/$name/BUILD.bazel"
        echo "{\"type\": \"local_path\", \"path\": \"$registry/empty/$name\"}" \
            > "$registry/modules/$name/$version/source.json"
    done
    echo '{}' > "$registry/bazel_registry.json"
    # Bazel uses an extension of this one.
    cat > "$registry/empty/buildozer/buildozer_binary.bzl" << 'EOF'
def _repository_impl(rctx):
    rctx.file("BUILD", "")
    rctx.file("buildozer.exe", "")

_repository = repository_rule(_repository_impl)

def _extension_impl(_ctx):
    _repository(name = "buildozer_binary")

buildozer_binary = module_extension(_extension_impl)
EOF
}

debian_bazel_rc() {
    local dir=$1 module
    echo "# Written by bazelw, for the Bazel of this folder."
    echo "startup --install_base=$dir/usr/share/bazel"
    echo "startup --trust_install_base"
    echo "common --registry=file://$dir/registry"
    for module in $DEBIAN_BAZEL_MODULES; do
        # The first is for MODULE.bazel, the second for WORKSPACE and what Bazel appends to one.
        echo "common --override_module=${module%%=*}=$dir/usr/share/bazel/${module#*=}"
        echo "common --override_repository=${module%%=*}=$dir/usr/share/bazel/${module#*=}"
    done
}
