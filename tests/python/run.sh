#!/bin/sh
# Runs the official Python SDKs against the program that OSS_VEND_BIN names; arguments go to pytest. What it installs stays
# in tests/.work, which git ignores.
set -eu
cd "$(dirname "$0")"
: "${OSS_VEND_BIN:?must name the oss-vend program}"
venv=$(cd .. && pwd)/.work/python
if ! cat ../vectors/make/requirements.txt requirements.txt | cmp -s - "$venv/.installed"; then
    python3 -m venv --clear "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check --requirement requirements.txt
    cat ../vectors/make/requirements.txt requirements.txt >"$venv/.installed"
fi
exec "$venv/bin/python" -m pytest "$@"
