# shellcheck shell=bash
# Debian packages in a folder of one's own: fetched by the machine's apt, unpacked, made to run in place.
#
# Nothing of the machine is changed and no right is needed: apt works on a state of its own, in which no
# package is installed, and dpkg-deb only unpacks. apt's configuration of the machine (proxy, credentials,
# certificates, mirrors) holds; signatures and digests are checked by apt as always. Only what every Debian
# has is used: apt, dpkg, tar, coreutils, grep, sed, awk, findutils.

# debian_unpack DIR SUITE DROP PACKAGE...: PACKAGEs of SUITE and all they depend on, unpacked below DIR.
# DROP is an extended regular expression of package names: these count as installed, so neither they nor
# what only they need is fetched. On failure the reason is in $TRIED, under the name in $SOURCE_NAME.
debian_unpack() {
    local dir=$1 suite=$2 drop=$3 names size
    shift 3
    mkdir -p "$dir/apt"
    if ! command -v apt-get dpkg-deb > /dev/null; then
        tried "$SOURCE_NAME:" "this is no Debian-like machine: no apt-get, no dpkg-deb"
        return 1
    fi
    debian_apt "$dir/apt" "$suite" "$1" || return 1
    debian_closure "$dir/apt" "$drop" "$@" > "$dir/apt/uris" || return 1
    names=$(wc -l < "$dir/apt/uris")
    size=$(awk '{ size += $3 } END { print size }' "$dir/apt/uris")
    say "fetching $names packages, $(megabytes "$size")"
    # Four at a time: one connection rarely fills a line.
    if ! (cd "$dir/apt/debs" && awk '{ sub("_.*", "", $2); print $2 }' ../uris |
        xargs -P 4 -n 16 apt-get -c ../apt.conf -qq download) 2> "$dir/apt/log"; then
        tried "$SOURCE_NAME:" "download failed: $(debian_reason "$dir/apt/log")"
        return 1
    fi
    say "unpacking"
    # Packages from before and after the merge of /lib into /usr/lib go to the same place.
    mkdir -p "$dir"/usr/{bin,sbin,lib,lib64}
    ln -sfn usr/bin "$dir/bin"
    ln -sfn usr/sbin "$dir/sbin"
    ln -sfn usr/lib "$dir/lib"
    ln -sfn usr/lib64 "$dir/lib64"
    # shellcheck disable=SC2016 # the inner shell expands
    if ! find "$dir/apt/debs" -name '*.deb' -print0 | xargs -0 -P "$(nproc)" -n 8 \
        bash -c 'set -eo pipefail; for deb in "${@:2}"; do
            dpkg-deb --fsys-tarfile "$deb" | tar -x -C "$1" --keep-directory-symlink --no-same-owner \
                --no-same-permissions --exclude=./usr/share/{doc,man,locale,info,lintian,nodejs,maven-repo}
        done' unpack "$dir" 2> "$dir/apt/log"; then
        tried "$SOURCE_NAME:" "unpacking into $dir failed: $(debian_reason "$dir/apt/log")"
        return 1
    fi
    rm -rf "$dir/apt"
}

# The line of apt's output that says most.
debian_reason() {
    grep -m 1 -E '^[EW]: Failed to fetch' "$1" || { grep -E '^E:' "$1" || cat "$1"; } | tail -n 1
}

# debian_apt APT SUITE PACKAGE: an apt state in the folder APT that knows SUITE, from the first archive that
# offers PACKAGE in it.
debian_apt() {
    local apt=$1 suite=$2 package=$3 uri keyring=/usr/share/keyrings/debian-archive-keyring.gpg signed='' log=$1/log
    mkdir -p "$apt"/{none,debs,state/lists/partial,cache/archives/partial}
    : > "$apt/state/status"
    # -c is read last, so this wins over the machine's files: its package lists and pins would offer other
    # suites, its hooks are for the real system, its other architectures are not wanted here. A copy of an
    # archive may be older than the archive's own time limit allows.
    cat > "$apt/apt.conf" << EOF
Dir::Etc::sourcelist "$apt/sources.list"; Dir::Etc::sourceparts "$apt/none";
Dir::Etc::preferences "$apt/preferences"; Dir::Etc::preferencesparts "$apt/none";
Dir::State "$apt/state"; Dir::State::status "$apt/state/status"; Dir::State::extended_states "$apt/state/extended";
Dir::Cache "$apt/cache"; Dir::Cache::pkgcache "pkgcache.bin"; Dir::Cache::srcpkgcache ""; Dir::Log "$apt";
APT::Install-Recommends "false"; APT::Sandbox::User "$(id -un)"; APT::Get::List-Cleanup "false";
#clear APT::Update::Pre-Invoke; #clear APT::Update::Post-Invoke; #clear APT::Update::Post-Invoke-Success;
#clear APT::Architectures; APT::Architectures { "$(dpkg --print-architecture)"; };
Acquire::Languages "none"; Acquire::Check-Valid-Until "false"; Acquire::Retries "1";
Acquire::http::Timeout "15"; Acquire::https::Timeout "15"; APT::Update::Error-Mode "any";
EOF
    [ -r "$keyring" ] && signed="[signed-by=$keyring] "
    for uri in $(debian_archives); do
        echo "deb $signed$uri $suite main" > "$apt/sources.list"
        if apt-get -c "$apt/apt.conf" -qq update > "$log" 2>&1 &&
            apt-cache -c "$apt/apt.conf" show "$package" > /dev/null 2>> "$log"; then
            return 0
        fi
        tried "$SOURCE_NAME:" "no $package in $suite at $uri: $(debian_reason "$log")"
    done
    [ -n "$uri" ] || tried "$SOURCE_NAME:" "apt is set up with no archive; set BAZELW_DEBIAN_MIRROR"
    return 1
}

# The archives apt is set up with, most likely ones first. Security archives hold no whole suite.
debian_archives() {
    if [ -n "${BAZELW_DEBIAN_MIRROR:-}" ]; then
        echo "$BAZELW_DEBIAN_MIRROR"
        return
    fi
    apt-get indextargets --format "\$(REPO_URI)" 'Created-By: Packages' 2> /dev/null | grep -v '^cdrom:' |
        grep -v security | awk '!seen[$0]++ { print (/debian\/?$/ ? 0 : /debian/ ? 1 : 2), $0 }' |
        sort -s -k 1,1n | cut -d ' ' -f 2
}

# debian_closure APT DROP PACKAGE...: prints a line "URI FILE SIZE ..." for each package to fetch.
debian_closure() {
    local apt=$1 drop=$2 log=$1/log
    shift 2
    local plan=(apt-get -c "$apt/apt.conf" install -y --print-uris "$@")
    "${plan[@]}" 2> "$log" | sed -n "/^'/s/'//gp" > "$apt/plan"
    if [ ! -s "$apt/plan" ]; then
        tried "$SOURCE_NAME:" "apt finds no way to install $*: $(debian_reason "$log")"
        return 1
    fi
    # A stand-in for each dropped package, which provides what the real one does, is installed in this state.
    awk -v drop="^($drop)\$" '{ sub("_.*", "", $2) } $2 ~ drop { print $2 }' "$apt/plan" |
        xargs apt-cache -c "$apt/apt.conf" show --no-all-versions 2>> "$log" |
        awk '/^Package:/ { print "\n" $0 "\nStatus: install ok installed" }
             /^(Version|Architecture|Multi-Arch|Provides):/' > "$apt/state/status.new"
    mv "$apt/state/status.new" "$apt/state/status"
    # The real one is refused, or apt would take it for a reinstallation.
    sed -n 's/^Package: .*/&\nPin: release *\nPin-Priority: -1\n/p' "$apt/state/status" > "$apt/preferences"
    "${plan[@]}" 2> "$log" | sed -n "/^'/s/'//gp"
}

# debian_libraries DIR, debian_loader DIR: where DIR keeps its shared libraries; its dynamic loader.
debian_libraries() { printf '%s/usr/lib/%s-linux-gnu' "$1" "$(uname -m)"; }
debian_loader() { find "$(debian_libraries "$1")/" -maxdepth 1 -name 'ld-linux-*.so.*' | head -n 1; }

# debian_patchelf DIR ARGUMENT...: runs the patchelf that is unpacked in DIR, by DIR's own loader.
debian_patchelf() {
    "$(debian_loader "$1")" --library-path "$(debian_libraries "$1")" "$1/usr/bin/patchelf" "${@:2}"
}

# debian_relocate DIR EXTRA FILE...: make the programs FILE use the loader and the libraries of DIR (with
# the folders EXTRA, "A:B:" or nothing, searched first). The path is a DT_RPATH, which also holds for the
# libraries that a library loads.
debian_relocate() {
    local dir=$1 extra=$2 file
    shift 2
    for file in "$@"; do
        debian_patchelf "$dir" --set-interpreter "$(debian_loader "$dir")" --force-rpath \
            --set-rpath "$extra$(debian_libraries "$dir")" "$file"
    done
}
