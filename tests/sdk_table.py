#!/usr/bin/env python3
"""Writes `docs/sdks.md` from what the suites noted in `tests/.work/sdk-runs/`; with `--check` it only says whether it would change.

    tests/sdk_table.py [--check]
"""

import json
import pathlib
import sys

TESTS = pathlib.Path(__file__).parent
RUNS, TABLE = TESTS / ".work" / "sdk-runs", TESTS.parent / "docs" / "sdks.md"
HEAD = """\
# SDKs that were run

`tests/run.sh` runs the vendors' SDKs against the server and against the emulator, and this page is made from what went well:
each call below was made at least once and ended as it should. It is not typed: `tests/sdk_table.py` writes it, and the tests fail
when it no longer holds.

Beside these, the signer is held to what the same SDKs sign, byte for byte: see
[`tests/vectors/make`](../tests/vectors/make/README.md).

| SDK | version | language | suite | calls |
|---|---|---|---|---|
"""


def row(run):
    calls = ", ".join(f"`{call}`" for call in sorted(run["calls"]))
    return f"| `{run['sdk']}` | {run['version']} | {run['language']} | {run['suite']} | {calls} |\n"


def main():
    runs = [json.loads(path.read_text()) for path in RUNS.glob("*.json")]
    if not runs:
        sys.exit(f"there is nothing in {RUNS}: run the suites first")
    runs.sort(key=lambda run: (run["language"], run["sdk"], run["suite"]))
    table = HEAD + "".join(map(row, runs))
    if "--check" not in sys.argv[1:]:
        TABLE.parent.mkdir(exist_ok=True)
        TABLE.write_text(table)
    elif not TABLE.exists() or TABLE.read_text() != table:
        sys.exit("docs/sdks.md is not what the suites ran: run all of them, then tests/sdk_table.py")


main()
