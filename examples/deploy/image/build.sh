#!/usr/bin/env bash
# Builds the image of ../../../Dockerfile without a registry of images, starts it as the image says, and asks it.
#
#   sudo examples/deploy/image/build.sh [--tag NAME]
#
# On Debian, as root: needs `buildah` and `debootstrap` (apt-get install --no-install-recommends), and the Rust toolchain
# that is here (rustc --print sysroot). It takes some minutes. The base image with the toolchain is kept for the next
# time (buildah images); `buildah rmi localhost/oss-vend-base` removes it.
set -euo pipefail
cd "$(dirname "$0")/../../.."

readonly BASE=localhost/oss-vend-base
tag=localhost/oss-vend
[ "${1:-}" = --tag ] && tag=$2 && shift 2
export BUILDAH_ISOLATION=chroot

main() {
    work=$(mktemp -d) container=''
    trap 'clean_up' EXIT
    buildah inspect --type image "$BASE" >/dev/null 2>&1 || make_base
    build
    container=$(buildah from --pull-never "$tag")
    root=$(buildah mount "$container")
    report_sizes
    unshare --mount --net --pid --fork --mount-proc --kill-child "$0" --inside "$root" "$(config User)" "$(config Env | tr -d '[]')"
}

clean_up() {
    [ -z "$container" ] || buildah rm "$container" >/dev/null
    rm -rf "$work"
}

# Debian as debootstrap makes it, with a compiler, and the toolchain, package sources and CA certificates of this machine.
make_base() {
    echo "making $BASE"
    debootstrap --variant=minbase --include=build-essential,ca-certificates "$(. /etc/os-release && echo "$VERSION_CODENAME")" \
        "$work/base" ${MIRROR:+"$MIRROR"} >"$work/debootstrap.log" || { tail "$work/debootstrap.log"; return 1; }
    rm -rf "$work"/base/var/cache/apt/archives/*.deb
    rm -rf "$work"/base/etc/apt/sources.list*
    cp -rL /etc/apt/sources.list* /etc/apt/apt.conf.d "$work/base/etc/apt/"
    mkdir -p "$work/base/usr/local/rust"
    (cd "$(rustc --print sysroot)" && cp -a bin lib "$work/base/usr/local/rust/")
    cp /etc/ssl/certs/ca-certificates.crt "$work/base/usr/local/rust/"
    local base
    base=$(buildah from scratch)
    buildah copy --quiet "$base" "$work/base" / >/dev/null
    buildah config --env PATH=/usr/local/rust/bin:/usr/sbin:/usr/bin:/sbin:/bin --env CARGO_HOME=/usr/local/cargo \
        --env CARGO_HTTP_CAINFO=/usr/local/rust/ca-certificates.crt "$base"
    buildah commit --quiet --rm "$base" "$BASE" >/dev/null
    rm -rf "$work/base"
}

build() {
    local began=$SECONDS version
    version=$(sed -n '0,/^version = /s/^version = "\(.*\)"/\1/p' Cargo.toml)
    buildah bud --layers --format docker --pull-never --build-arg "BUILD_IMAGE=$BASE" --build-arg "VERSION=$version" \
        --build-arg "REVISION=$(git rev-parse HEAD 2>/dev/null || echo unknown)" --tag "$tag" .
    echo "built in $((SECONDS - began)) s"
}

config() {
    buildah inspect --type image --format "{{.OCIv1.Config.$1}}" "$tag"
}

report_sizes() {
    echo "the image's files, $(du -sb "$root" | cut -f1) bytes:"
    (cd "$root" && find . -type f -printf '%12s %P\n' | sort -rn)
}

# In a network of its own, so that the image's ports are free, and in a mount namespace where the root is read-only.
inside() {
    root=$1 user=$2 environment=$3
    ip link set lo up
    mount --bind "$root" "$root" && mount -o remount,bind,ro "$root"
    ! touch "$root/written" 2>/dev/null || fail "the root can be written"

    in_image dev --listen 127.0.0.1:8001 >/dev/null 2>&1 &
    await 8001
    key=$(in_image key new --id app)
    echo "$key" | grep -q ovk_ || fail "no key: $key"
    serve "$(grep -o 'sha256:[0-9a-f]*' <<<"$key" | head -1)"
    ask "$(grep -o 'ovk_[A-Za-z0-9_-]*' <<<"$key" | head -1)"
    echo "it serves as the image says: read-only root, $user, no capability"
}

# in_image ARGUMENT…: the image's entry point, as its user, in its environment.
in_image() {
    env -i $environment "${more[@]}" /usr/sbin/chroot --userspec="$user" "$root" /usr/bin/oss-vend "$@"
}
more=()

# As `docker run` would with these variables, against the emulator of `dev`.
serve() {
    local began=${EPOCHREALTIME/./}
    more=(ACCESS_KEY_ID=LTAIemulatorNotARealKey ACCESS_KEY_SECRET=emulatorSecretNotARealOne
        RAM_ROLE_ARN=acs:ram::1234567890123456:role/oss-vend-dev BUCKET=examplebucket REGION=cn-hangzhou
        OSS_VEND__STS__ENDPOINT=http://127.0.0.1:9001 OSS_ENDPOINT=http://127.0.0.1:9000
        "OSS_VEND__AUTH__API_KEYS=[{\"id\":\"app\",\"hash\":\"$1\"}]")
    in_image serve >/dev/null 2>&1 &
    await 8000
    echo "listening after $(((${EPOCHREALTIME/./} - began) / 1000)) ms"
}

# A caller's key in hand: the health check of the image, then a signed URL and an upload through it.
ask() {
    local url
    in_image healthcheck || fail "the health check fails"
    [ "$(curl -s -o /dev/null -w '%{http_code}' http://127.0.0.1:8000/sts)" = 401 ] || fail "it serves strangers"
    url=$(curl -sS --fail -H "Authorization: Bearer $1" -H 'Accept: text/plain' \
        'http://127.0.0.1:8000/presigned-url?key=uploads/hello.txt&contentType=text/plain&size=5')
    printf hello | curl -sS --fail -X PUT -H 'Content-Type: text/plain' --data-binary @- "$url" || fail "the upload fails"
    local process
    for process in $(pgrep -x oss-vend); do
        grep -q "^Uid:.${user%:*}." "/proc/$process/status" || fail "process $process is not $user"
        grep -q '^CapEff:.0*$' "/proc/$process/status" || fail "process $process has capabilities"
    done
}

await() {
    local until=$((SECONDS + 60))
    until (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; do [ $SECONDS -lt $until ] || fail "nothing listens on $1"; done
}

fail() {
    echo "$1" >&2
    exit 1
}

if [ "${1:-}" = --inside ]; then shift && inside "$@"; else main; fi
