# shellcheck shell=bash
# The release binary of Bazel, from the project's download site or a mirror of it.

OFFICIAL_SITE=https://github.com/bazelbuild/bazel/releases/download

# Digests as the site publishes them beside each binary (…/bazel-V-linux-ARCH.sha256). One row for the version
# in .bazelversion; add a row when that changes.
official_sha256() {
    case $1 in
        7.7.1-x86_64) echo 115a1b62be95f29e5821d4dddffba1b058905a48019b499919c285e7f708d5e2 ;;
        7.7.1-arm64) echo 71df04ec724f1b577f1f47ec9a6b81d13f39683f6c3215cacf45fdaf40b2c5c1 ;;
        *) return 1 ;;
    esac
}

# download URL FILE SHA256: with whatever the machine has; gives up on an unreachable host within seconds.
download() {
    if command -v curl > /dev/null; then
        curl -fsSL --connect-timeout 5 --speed-limit 1000 --speed-time 20 -o "$2" "$1" 2>&1
    elif command -v wget > /dev/null; then
        wget -nv --connect-timeout=5 --read-timeout=20 --tries=1 -O "$2" "$1" 2>&1
    elif [ -x /usr/lib/apt/apt-helper ]; then
        # apt's own downloader: on every Debian, where curl and wget may not be.
        /usr/lib/apt/apt-helper -q -o Acquire::Retries=0 -o Acquire::http::Timeout=5 -o Acquire::https::Timeout=5 \
            -o "APT::Sandbox::User=$(id -un)" download-file "$1" "$2" "SHA256:$3" 2>&1
    else
        echo "no curl, wget or apt-helper to download with"
        return 1
    fi
}

# The release binary in the folder $1, once it is fetched.
official_kept() { echo "$1/official-$VERSION-$(uname -m)/bazel"; }

# Prints the release binary kept in the folder $1, fetching it first where it is not there yet.
bazel_official() {
    local arch sha256 binary
    case $(uname -sm) in
        'Linux x86_64') arch=x86_64 ;;
        'Linux aarch64') arch=arm64 ;;
        *)
            tried official: "no release for $(uname -sm) is known here"
            return 1
            ;;
    esac
    if ! sha256=$(official_sha256 "$VERSION-$arch"); then
        tried official: "no sha256 of Bazel $VERSION for $arch is pinned in third_party/bazel/official.sh"
        return 1
    fi
    binary=$(official_kept "$1")
    once "$binary" fetch_official "$binary" "$arch" "$sha256" && echo "$binary"
}

fetch_official() {
    local binary=$1 arch=$2 sha256=$3 part=$1.part said
    local url=${BAZELW_MIRROR:-${BAZELISK_BASE_URL:-$OFFICIAL_SITE}}/$VERSION/bazel-$VERSION-linux-$arch
    say "looking for Bazel $VERSION at $url"
    rm -f "$part"
    if ! said=$(download "$url" "$part" "$sha256"); then
        # apt-helper's last line says nothing, the one before does.
        tried official: "$url: $(grep -v 'E: Download Failed' <<< "$said" | tail -n 1 | sed 's/^ *//')"
        return 1
    fi
    said=$(sha256sum < "$part")
    if [ "${said%% *}" != "$sha256" ]; then
        rm -f "$part"
        tried official: "$url has sha256 ${said%% *}, wanted $sha256"
        return 1
    fi
    chmod 755 "$part"
    mv "$part" "$binary"
}
