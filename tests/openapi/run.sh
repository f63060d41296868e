#!/usr/bin/env bash
# Holds the OpenAPI document and the running server against each other: by requests that schemathesis makes up, by answers
# that are known, and by a TypeScript client that is generated. OSS_VEND_BIN names the program; the Python packages stay in
# tests/.work, and what is generated in tests/openapi/generated, which git ignores.
set -euo pipefail
cd "$(dirname "$0")"
: "${OSS_VEND_BIN:?must name the oss-vend program}"

readonly PYTHON=$PWD/../.work/openapi
export NO_PROXY=127.0.0.1
scratch=$(mktemp -d)
dev=

main() {
    python_packages
    node_packages
    server
    "$OSS_VEND_BIN" openapi >"$scratch/printed.json"
    "$PYTHON/bin/python" answers.py "$SERVER" "$OSS" "$scratch/printed.json"
    local config=$PWD/schemathesis.toml
    # It remembers where it stands, and one run shall not depend on another.
    (cd "$scratch" && "$PYTHON/bin/schemathesis" --config-file "$config" run --no-color printed.json)
    client
}

clean_up() {
    local outcome=$?
    [ "$outcome" = 0 ] || tail -5 "$scratch/dev.log" 2>/dev/null || true
    [ -z "$dev" ] || { kill "$dev" && wait "$dev"; } || true
    rm -rf "$scratch"
}
trap clean_up EXIT

python_packages() {
    cmp -s requirements.txt "$PYTHON/.installed" && return
    python3 -m venv --clear "$PYTHON"
    "$PYTHON/bin/pip" install --quiet --disable-pip-version-check --requirement requirements.txt
    cp requirements.txt "$PYTHON/.installed"
}

node_packages() {
    cmp -s package-lock.json node_modules/.installed && return
    npm ci --no-fund --no-audit
    cp package-lock.json node_modules/.installed
}

server() {
    mkfifo "$scratch/addresses"
    "$OSS_VEND_BIN" dev --listen 127.0.0.1:0 --oss-listen 127.0.0.1:0 --sts-listen 127.0.0.1:0 --print-json \
        >"$scratch/addresses" 2>"$scratch/dev.log" &
    dev=$!
    read -r SERVER OSS < <(head -1 "$scratch/addresses" | node -p 'const { server, oss } = JSON.parse(require("fs").readFileSync(0)); `${server} ${oss}`')
    export SERVER
}

# The types come from the document as it is served, and the client has to compile with them before it asks.
client() {
    rm -rf generated && mkdir generated
    node_modules/.bin/openapi-typescript "$scratch/printed.json" --output generated/api.d.ts
    node_modules/.bin/tsc --project .
    node generated/client.js "$SERVER"
}

main
