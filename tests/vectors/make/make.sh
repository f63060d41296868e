#!/bin/sh
# Writes tests/vectors/*.json anew, by running the official SDKs. Needs Node 20, npm and Python 3.11 or later.
# What it installs stays in tests/.work, which git ignores. A second run changes nothing.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
work=$here/../../.work/vectors
mkdir -p "$work"

cp "$here/package.json" "$here/package-lock.json" "$work"
(cd "$work" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error)
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check --requirement "$here/requirements.txt"

node "$here/make.mjs" "$work/node_modules" >"$work/node.json"
"$work/venv/bin/python" -W ignore "$here/make.py" "$work/node.json" "$here/.."
"$work/venv/bin/python" -W ignore "$here/generate.py" "$here/.."
node "$here/generate.mjs" "$work/node_modules" "$here/.."
