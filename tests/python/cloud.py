"""`oss-vend dev` for tests: the server with the emulated cloud beside it."""

import contextlib
import json
import os
import subprocess
import time
import urllib.request

BUCKET, REGION = "examplebucket", "cn-hangzhou"
ACCESS_KEY = ("LTAIemulatorNotARealKey", "emulatorSecretNotARealOne")  # public: it opens nothing outside the emulator
ROLE_ARN = "acs:ram::1234567890123456:role/oss-vend-dev"
MIB = 1024 * 1024
AWKWARD = ["plain.txt", "a b+c%d%2Fe.txt", "it's \"q\" <x> & y=z?w#v;u.txt", "~*()!@:$,[]{}|^`.txt", "目录/文件 名（一）.jpg", "😀/é ñ 🇨🇳.png"]


class Cloud:
    """Where the three parts listen, and the emulator's knobs."""

    def __init__(self, addresses):
        self.server, self.oss, self.sts = addresses["server"], addresses["oss"], addresses["sts"]

    def vended(self, path="/sts", **parameters):
        """What the server answers a page."""
        query = "&".join(f"{name}={value}" for name, value in parameters.items())
        with urllib.request.urlopen(f"{self.server}{path}?{query}", timeout=10) as answer:
            return json.load(answer)

    def knob(self, method, path, **body):
        """Turns one; `docs/emulator.md` has them."""
        request = urllib.request.Request(f"{self.oss}/-/emulator{path}", json.dumps(body).encode() if body else None, method=method)
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.loads(answer.read() or b"null")

    def count(self, operation):
        return self.knob("GET", "/calls")["counts"].get(operation, 0)

    @contextlib.contextmanager
    def clock_at(self, seconds):
        """The emulator's clock is that far off meanwhile."""
        self.knob("PUT", "/clock", offsetSeconds=seconds)
        try:
            yield
        finally:
            self.knob("PUT", "/clock", offsetSeconds=0)

    def nearly_over(self, path="/sts"):
        """The first credentials of 15 minutes, of which one is left: a second later the server gives out others."""
        with self.clock_at(61 - 900):
            given = self.vended(path, duration=900)
        self.vended(duration=1800)  # a call of STS, from which the server learns that its clock was right
        self.knob("DELETE", "/calls")
        return given


@contextlib.contextmanager
def running():
    listen = [part for name in ("--listen", "--oss-listen", "--sts-listen") for part in (name, "127.0.0.1:0")]
    with subprocess.Popen([os.environ["OSS_VEND_BIN"], "dev", *listen, "--print-json"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as child:
        try:
            yield Cloud(json.loads(child.stdout.readline()))
        finally:
            child.terminate()


def until(done, seconds=10):
    """What `done` returns as soon as it is true."""
    patience = time.monotonic() + seconds
    while not (result := done()):
        assert time.monotonic() < patience, "it never happened"
        time.sleep(0.05)
    return result


def noise(size, seed=1):
    """Bytes that repeat nowhere near a part's size, so that swapped parts are seen."""
    return b"".join((seed * 1_000_003 + at).to_bytes(8, "big") for at in range(size // 8))
