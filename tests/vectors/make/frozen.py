"""Freezes time and nonces for the SDKs and stops them where they would send. Import it before any SDK."""

import datetime
import hashlib
import hmac
import importlib.metadata
import sys
import time
import xml.etree.ElementTree

AGENT = "vectors/1.0"
now = 1767323045  # 2026-01-02T03:04:05Z: two digits are needed everywhere
nonce = "0123456789abcdef0123456789abcdef"


def at(seconds, text):
    """Sets the time, in Unix seconds, and the nonce."""
    global now, nonce
    now, nonce = seconds, text


class Frozen(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return cls.fromtimestamp(now, tz)

    @classmethod
    def utcnow(cls):
        return cls.utcfromtimestamp(now)


real_gmtime = time.gmtime
datetime.datetime = Frozen
time.time = lambda: float(now)
time.gmtime = lambda seconds=None: real_gmtime(now if seconds is None else seconds)
time.sleep = lambda seconds: None

# What went through a hash: (text, digest).
hashed, signed = [], []
real_sha256, real_hmac = hashlib.sha256, hmac.new


class Recorded:
    def __init__(self, log, inner, text):
        self.log, self.inner, self.text = log, inner, b""
        self.update(text or b"")

    def update(self, text):
        self.text += bytes(text)
        self.inner.update(text)

    def digest(self):
        self.log.append((self.text, self.inner.digest()))
        return self.inner.digest()

    def hexdigest(self):
        return self.digest().hex()

    def __getattr__(self, name):
        return getattr(self.inner, name)


def recorded_sha256(text=b"", **options):
    return Recorded(hashed, real_sha256(**options), text)


def recorded_hmac(key, msg=None, digestmod=""):
    return Recorded(signed, real_hmac(key, None, real_sha256 if digestmod is recorded_sha256 else digestmod), msg)


hashlib.sha256, hmac.new = recorded_sha256, recorded_hmac
sys.modules["xml.etree.cElementTree"] = xml.etree.ElementTree  # the core SDK still asks for the name Python 3.9 removed

import requests.adapters  # noqa: E402

# What would have been sent.
sent = []


def stop(self, request, **_):
    sent.append(request)
    response = requests.Response()
    response.status_code, response._content, response.request, response.url = 200, b"{}", request, request.url
    return response


requests.adapters.HTTPAdapter.send = stop

import aliyunsdkcore.utils.parameter_helper as parameter_helper  # noqa: E402
import aliyunsdkcore.vendored.requests.adapters as vendored  # noqa: E402
from alibabacloud_tea_openapi.utils import Utils  # noqa: E402

vendored.HTTPAdapter.send = stop
parameter_helper.get_uuid = lambda: nonce
Utils.get_nonce = staticmethod(lambda: nonce)
Utils._Utils__get_default_agent = staticmethod(lambda: AGENT)


def version(*packages):
    return " on ".join(f"{package}@{importlib.metadata.version(package)}" for package in packages)


def run(call):
    """Has the SDK sign something; what it makes of our empty answer does not matter."""
    sent.clear(), hashed.clear(), signed.clear()
    try:
        return call()
    except Exception as error:  # noqa: BLE001
        assert sent, f"nothing was sent: {error!r}"
