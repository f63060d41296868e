#!/usr/bin/env bash
# Holds examples/deploy to the programs that will read it: schemas of Kubernetes, systemd, nginx, Caddy, logrotate. The two
# proxies are started in front of `oss-vend dev` and asked. OSS_VEND_BIN names the program; what is fetched stays in
# tests/.work, and nothing is installed.
set -euo pipefail
cd "$(dirname "$0")/../.."
: "${OSS_VEND_BIN:?must name the oss-vend program}"

readonly DEPLOY=$PWD/examples/deploy
readonly WORK=$PWD/tests/.work/deploy
readonly TOOLS=$WORK/tools PYTHON=$WORK/python
readonly REQUIREMENTS=tests/deploy/requirements.txt
readonly PACKAGES=(caddy libpopt0 logrotate nginx)
scratch=$(mktemp -d)
started=()

main() {
    tools
    python_packages
    "$PYTHON/bin/python" tests/deploy/manifests.py
    "$PYTHON/bin/python" tests/deploy/compose.py
    systemd_unit
    logrotate_snippet
    notices
    server
    nginx_in_front
    caddy_in_front
    echo "examples/deploy holds"
}

clean_up() {
    [ ${#started[@]} = 0 ] || kill "${started[@]}" 2>/dev/null || true
    wait
    rm -rf "$scratch"
}
trap clean_up EXIT

# The programs of Debian's packages, unpacked rather than installed: an installed proxy would start and take port 80.
tools() {
    [ "$(cat "$TOOLS/.fetched" 2>/dev/null)" != "${PACKAGES[*]}" ] || return 0
    rm -rf "$TOOLS" && mkdir -p "$TOOLS/packages"
    # By its address: apt drops to a user of its own, who cannot write here.
    (cd "$TOOLS/packages" && apt-get download --print-uris "${PACKAGES[@]}" | cut -d"'" -f2 | xargs -n1 curl -sSfLO)
    for package in "$TOOLS"/packages/*.deb; do dpkg-deb --extract "$package" "$TOOLS"; done
    echo "${PACKAGES[*]}" >"$TOOLS/.fetched"
}

python_packages() {
    cmp -s "$REQUIREMENTS" "$PYTHON/.installed" && return
    python3 -m venv --clear "$PYTHON"
    "$PYTHON/bin/pip" install --quiet --disable-pip-version-check --requirement "$REQUIREMENTS"
    cp "$REQUIREMENTS" "$PYTHON/.installed"
}

# With our program in the place where the unit expects it. The threshold is ten times systemd's "exposure level".
systemd_unit() {
    sed "s|/usr/local/bin/oss-vend|$OSS_VEND_BIN|" "$DEPLOY/systemd/oss-vend.service" >"$scratch/oss-vend.service"
    systemd-analyze verify --man=no "$scratch/oss-vend.service" 2>"$scratch/told" && [ ! -s "$scratch/told" ] ||
        { cat "$scratch/told"; return 1; }
    systemd-analyze security --offline=true --threshold=15 --no-pager "$scratch/oss-vend.service" | tail -1
}

logrotate_snippet() {
    mkdir -p "$scratch/log" && echo '{}' >"$scratch/log/audit.jsonl"
    sed "s|/var/log/oss-vend|$scratch/log|" "$DEPLOY/systemd/logrotate" >"$scratch/logrotate"
    chmod 0644 "$scratch/logrotate"
    local libraries
    libraries=$(dirname "$(find "$TOOLS" -name 'libpopt.so.0')")
    LD_LIBRARY_PATH=$libraries "$TOOLS/usr/sbin/logrotate" --debug --state "$scratch/state" "$scratch/logrotate" >"$scratch/told" 2>&1 &&
        grep -q 'considering log .*/audit.jsonl' "$scratch/told" && ! grep -qi '^error' "$scratch/told" || { cat "$scratch/told"; return 1; }
}

notices() {
    sh "$DEPLOY/image/notices.sh" Cargo.toml >"$scratch/notices"
    grep -q '^aws-lc-sys v' "$scratch/notices" && grep -q '^aws-lc-sys-.*/LICENSE' "$scratch/notices" || fail "licences are missing from the notices"
}

server() {
    : >"$scratch/addresses"
    "$OSS_VEND_BIN" dev --listen 127.0.0.1:0 --oss-listen 127.0.0.1:0 --sts-listen 127.0.0.1:0 --print-json \
        >"$scratch/addresses" 2>"$scratch/dev.log" &
    started+=($!)
    until_true grep -q '"server"' "$scratch/addresses"
    server=$(grep -o '"server": *"[^"]*"' "$scratch/addresses" | grep -o '127[^"]*')
}

nginx_in_front() {
    local plain secure
    plain=$(free_port) secure=$(free_port)
    mkdir -p "$scratch/nginx"
    openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=upload.example.com \
        -keyout "$scratch/nginx/key.pem" -out "$scratch/nginx/fullchain.pem" 2>/dev/null
    {
        printf 'daemon off; pid %s/pid; error_log stderr crit;\nevents {}\nhttp { access_log off;\n' "$scratch/nginx"
        local kind
        for kind in client_body proxy fastcgi uwsgi scgi; do echo "${kind}_temp_path $scratch/nginx/$kind;"; done
        sed "s|/etc/ssl/oss-vend|$scratch/nginx|; s|127.0.0.1:8000;|$server;|; /listen \[::\]/d
            s|listen 80;|listen 127.0.0.1:$plain;|; s|listen 443 |listen 127.0.0.1:$secure |" "$DEPLOY/nginx/oss-vend.conf"
        echo '}'
    } >"$scratch/nginx/nginx.conf"
    "$TOOLS/usr/sbin/nginx" -t -q -c "$scratch/nginx/nginx.conf"
    "$TOOLS/usr/sbin/nginx" -c "$scratch/nginx/nginx.conf" &
    started+=($!)
    until_true answers "http://127.0.0.1:$plain/" 301
    asked "https://127.0.0.1:$secure"
    head -c 100000 /dev/zero >"$scratch/large"
    answers "https://127.0.0.1:$secure/presigned-url" 413 --data-binary "@$scratch/large" || fail "nginx passes large bodies on"
}

caddy_in_front() {
    local port
    port=$(free_port)
    sed "s|oss-vend:8000|$server|; 1i{\nadmin off\n}" "$DEPLOY/compose/Caddyfile" >"$scratch/Caddyfile"
    SITE=upload.example.com "$TOOLS/usr/bin/caddy" validate --config "$DEPLOY/compose/Caddyfile" --adapter caddyfile >"$scratch/told" 2>&1 ||
        { cat "$scratch/told"; return 1; }
    SITE="http://127.0.0.1:$port" HOME=$scratch "$TOOLS/usr/bin/caddy" run --config "$scratch/Caddyfile" --adapter caddyfile 2>"$scratch/caddy.log" &
    started+=($!)
    until_true answers "http://127.0.0.1:$port/sts" 200
    asked "http://127.0.0.1:$port"
}

# asked BASE: what pages ask for is there, what is the operator's is not.
asked() {
    answers "$1/sts" 200 && answers "$1/presigned-url?key=uploads/a.txt" 200 && answers "$1/oss-vend.js" 200 || fail "$1 serves no page"
    answers "$1/readyz" 404 && answers "$1/metrics" 404 || fail "$1 tells strangers how it is doing"
    curl -sk -D - -o /dev/null "$1/sts" | grep -qi '^strict-transport-security: max-age=31536000' || fail "$1 sends no HSTS"
}

# answers URL STATUS ARGUMENT…
answers() {
    local url=$1 status=$2
    shift 2
    [ "$(curl -sk --noproxy '*' -o /dev/null -w '%{http_code}' --max-time 30 "$@" "$url")" = "$status" ]
}

until_true() {
    local end=$((SECONDS + 60))
    until "$@"; do
        [ $SECONDS -lt $end ] || { cat "$scratch"/*.log 2>/dev/null; fail "never: $*"; }
        sleep 0.1
    done
}

free_port() {
    python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

fail() {
    echo "$1" >&2
    exit 1
}

main
