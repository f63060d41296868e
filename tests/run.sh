#!/usr/bin/env bash
# All tests, on a Debian machine: installs what they need, then runs every suite. A runtime that is missing is a failure.
# Needs root or sudo for the packages; the second run installs nothing.
set -uo pipefail
cd "$(dirname "$0")/.."

readonly NODE_AT_LEAST=20 NODE_PACKAGE=node@22.23.3
readonly WORK=$PWD/tests/.work
export AWS_LC_SYS_USE_SYSTEM=0 # the TLS library comes from its crate, whatever this machine has installed
export DEBIAN_FRONTEND=noninteractive
export PATH="$WORK/node/node_modules/.bin:$PATH:${CARGO_HOME:-$HOME/.cargo}/bin"

report=() failed=0

# step NAME COMMAND…: runs it, says how long it took, and remembers how it ended.
step() {
    local name=$1 began=$SECONDS outcome=ok
    shift
    printf '\n=== %s\n' "$name"
    "$@" || { outcome=FAILED; failed=1; }
    report+=("$(printf '%-6s %4ds  %s' "$outcome" $((SECONDS - began)) "$name")")
    [ "$outcome" = ok ]
}

# need NAME COMMAND…: a step without which the others make no sense.
need() {
    step "$@" || finish
}

finish() {
    printf '\n=== summary\n'
    printf '%s\n' "${report[@]}"
    exit "$failed"
}

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo --preserve-env=DEBIAN_FRONTEND "$@"; fi
}

packages() {
    local missing=()
    command -v cc >/dev/null || missing+=(build-essential)
    command -v curl >/dev/null || missing+=(curl)
    command -v pkg-config >/dev/null || missing+=(pkg-config)
    command -v node >/dev/null || missing+=(nodejs)
    command -v npm >/dev/null || missing+=(npm)
    command -v python3 >/dev/null || missing+=(python3)
    python3 -c 'import ensurepip, venv' 2>/dev/null || missing+=(python3-venv)
    python_headers || missing+=(python3-dev) # a dependency of oss2 is compiled
    [ -x /usr/bin/chromium ] || missing+=(chromium)
    command -v openssl >/dev/null || missing+=(openssl)
    command -v systemd-analyze >/dev/null || missing+=(systemd) # it checks the unit; nothing is started
    [ -e /etc/ssl/certs/ca-certificates.crt ] || missing+=(ca-certificates)
    command -v redis-server >/dev/null || missing+=(redis-server)
    command -v redis-sentinel >/dev/null || missing+=(redis-sentinel)
    for font in fonts-noto-cjk fonts-noto-color-emoji; do # names in the screenshots
        dpkg-query -W -f='${Status}' "$font" 2>/dev/null | grep -q 'ok installed' || missing+=("$font")
    done
    [ ${#missing[@]} = 0 ] && { echo "all are here"; return; }
    echo "installing ${missing[*]}"
    as_root apt-get update -qq && as_root apt-get install -qq -y --no-install-recommends "${missing[@]}" >/dev/null
}

python_headers() {
    [ -e "$(python3 -c 'import sysconfig; print(sysconfig.get_path("include"))' 2>/dev/null)/Python.h" ]
}

rust() {
    if ! command -v cargo >/dev/null; then
        as_root apt-get update -qq && as_root apt-get install -qq -y rustup >/dev/null ||
            { echo "cargo is not installed, and this Debian has no rustup: install Rust $(rust_version) or later"; return 1; }
        rustup default "$(rust_version)" || return
    fi
    cargo fmt --version >/dev/null 2>&1 && cargo clippy --version >/dev/null 2>&1 || rustup component add rustfmt clippy || return
    cargo --version
}

rust_version() {
    sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml
}

# Debian 12 has an older Node; npm has a newer one.
node_runtime() {
    if [ "$(node -p 'parseInt(process.versions.node)')" -lt "$NODE_AT_LEAST" ]; then
        echo "node $(node --version) is too old; installing $NODE_PACKAGE beneath tests/.work"
        mkdir -p "$WORK/node" && npm install --prefix "$WORK/node" --no-save --no-fund --no-audit "$NODE_PACKAGE" || return
        hash -r
    fi
    [ "$(node -p 'parseInt(process.versions.node)')" -ge "$NODE_AT_LEAST" ] && echo "node $(node --version)"
}

node_modules() {
    cmp -s tests/js/package-lock.json tests/js/node_modules/.installed && { echo "unchanged"; return; }
    (cd tests/js && npm ci --no-fund --no-audit && cp package-lock.json node_modules/.installed)
}

target() {
    cargo metadata --format-version 1 --no-deps --locked | node -p 'JSON.parse(require("fs").readFileSync(0)).target_directory'
}

# suite FOLDER: one file after another, since each starts its own server.
suite() {
    local target
    target=$(target) || return
    (cd tests/js && OSS_VEND_BIN="$target/debug/oss-vend" node --test --test-concurrency=1 --test-timeout=180000 --test-reporter=spec "$1"/*.test.mjs)
}

python_suite() {
    local target
    target=$(target) || return
    OSS_VEND_BIN="$target/debug/oss-vend" tests/python/run.sh
}

deployments() {
    local target
    target=$(target) || return
    OSS_VEND_BIN="$target/debug/oss-vend" tests/deploy/run.sh
}

openapi() {
    local target
    target=$(target) || return
    OSS_VEND_BIN="$target/debug/oss-vend" tests/openapi/run.sh
}

# The rules of examples/deploy/prometheus, by Prometheus' own tool. Its package would start a server, so it is unpacked
# beneath tests/.work and not installed.
prometheus_rules() {
    local promtool
    promtool=$(command -v promtool || echo "$WORK/prometheus/usr/bin/promtool")
    if [ ! -x "$promtool" ]; then
        mkdir -p "$WORK/prometheus" && { (cd "$WORK/prometheus" && apt-get download -qq prometheus) ||
            { as_root apt-get update -qq && (cd "$WORK/prometheus" && apt-get download -qq prometheus); }; } || return
        dpkg -x "$WORK"/prometheus/prometheus_*.deb "$WORK/prometheus" || return
    fi
    "$promtool" check config examples/deploy/prometheus/prometheus.yml && "$promtool" test rules tests/deploy/alerts.yml
}

mkdir -p "$WORK"
rm -rf "$WORK/sdk-runs" # what was run another time does not count
need "system packages" packages
need "rust" rust
need "node" node_runtime
need "node modules" node_modules
step "cargo fmt" cargo fmt --check
step "cargo clippy" cargo clippy --locked --all-targets -- -D warnings
step "cargo test" env OSS_VEND_TEST_REDIS=required cargo test --locked
step "dependencies and package" tests/dependencies.py
step "benches, once each" cargo test --locked --benches
step "spans by OTLP, the feature otel" cargo test --locked --features otel --test otel
need "cargo build" cargo build --locked
step "ali-oss and oss-vend.js in Node" suite node
step "pages in Chromium" suite browser
step "the official JavaScript SDKs, and the examples" suite sdk
step "the official Python SDKs, and the examples" python_suite
step "OpenAPI: the document, the server, a generated client" openapi
step "the deployments of examples/deploy" deployments
step "the alerts of examples/deploy" prometheus_rules
step "the table of SDKs" tests/sdk_table.py --check
finish
