"""The programs in `examples/` run as their README says, but for where the server is."""

import pathlib
import os
import re
import subprocess
import sys

import pytest
import requests

from cloud import MIB, noise

EXAMPLES = pathlib.Path(__file__).parents[2] / "examples"


@pytest.mark.parametrize(("name", "sdk"), [("python-oss2", "oss2"), ("python-oss-v2", "alibabacloud-oss-v2")])
@pytest.mark.parametrize("size", [None, 3 * MIB], ids=["itself", "a file in parts"])
def test_an_example_uploads_and_reads_back(cloud, run, tmp_path, name, sdk, size):
    program = EXAMPLES / name / "upload.py"
    assert f"python examples/{name}/upload.py" in (EXAMPLES / name / "README.md").read_text()
    arguments = [sys.executable, str(program)]
    if size:
        (tmp_path / "a file +.bin").write_bytes(noise(size))
        arguments.append(str(tmp_path / "a file +.bin"))
    done = subprocess.run(arguments, env={**os.environ, "OSS_VEND": cloud.server, "HOME": str(tmp_path)}, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    length = size or program.stat().st_size
    assert re.search(rf"^put uploads/.* {length} bytes$", done.stdout, re.M) and f"got {length} bytes" in done.stdout, done.stdout
    url = re.search(r"^for an hour: (.*)$", done.stdout, re.M)[1]
    assert len(requests.get(url, timeout=10).content) == length
    run(sdk, "example").calls.add(f"examples/{name}")
