"""Writes down which calls of which SDK went well, for the table of `docs/sdks.md`."""

import importlib.metadata
import json
import pathlib

FOLDER = pathlib.Path(__file__).parents[1] / ".work" / "sdk-runs"


class Run:
    """The calls of one SDK in one suite."""

    def __init__(self, sdk, suite):
        self.sdk, self.suite, self.calls = sdk, suite, set()

    def watch(self, client):
        """`client`, with each of its calls that does not fail noted."""
        return Watched(client, self)

    def write(self):
        FOLDER.mkdir(parents=True, exist_ok=True)
        run = {"sdk": self.sdk, "version": importlib.metadata.version(self.sdk), "language": "Python", "suite": self.suite, "calls": sorted(self.calls)}
        name = f"python-{self.sdk}-{self.suite}".replace(" ", "-")
        (FOLDER / f"{name}.json").write_text(json.dumps(run, indent=1) + "\n")


class Watched:
    def __init__(self, client, run):
        self._client, self._run = client, run

    def __getattr__(self, name):
        found = getattr(self._client, name)
        if not callable(found) or name.startswith("_"):
            return found

        def call(*positional, **named):
            answer = found(*positional, **named)
            self._run.calls.add(name)
            return answer

        return call
