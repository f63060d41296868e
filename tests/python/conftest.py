"""One emulated cloud for each file of tests, and a note of what was run."""

import pytest

import cloud as emulated
from runs import Run

runs = {}


@pytest.fixture(scope="module")
def cloud():
    with emulated.running() as cloud:
        yield cloud


@pytest.fixture(scope="session")
def run():
    """`run(sdk, suite)` notes the calls of an SDK."""
    return lambda sdk, suite: runs.setdefault((sdk, suite), Run(sdk, suite))


def pytest_sessionfinish(session, exitstatus):
    if exitstatus == 0:
        for run in runs.values():
            run.write()
