"""SDKs with credentials that the server vends: they work until these are over, refresh, and go on."""

import datetime
import time

import alibabacloud_oss_v2 as oss
import oss2
import oss2.credentials
import pytest
from alibabacloud_credentials.client import Client as CredentialsClient
from alibabacloud_credentials.models import Config as CredentialsConfig

from cloud import BUCKET, MIB, REGION, noise, running, until

MARGIN = 60  # seconds before the end from which a client asks for new credentials


class Vended:
    """Asks the server whenever what is held is all but over: what an application writes."""

    def __init__(self, cloud, first):
        self.cloud, self.held, self.seen = cloud, first, [first["AccessKeyId"]]

    def current(self):
        ends = datetime.datetime.fromisoformat(self.held["Expiration"].replace("Z", "+00:00")).timestamp()
        if ends - time.time() < MARGIN:
            self.held = self.cloud.vended(duration=900)
            self.seen.append(self.held["AccessKeyId"])
        return self.held

    def is_renewed(self):
        return self.current()["AccessKeyId"] != self.seen[0]


class ForOss2(oss2.credentials.CredentialsProvider):
    def __init__(self, vended):
        self.vended = vended

    def get_credentials(self):
        held = self.vended.current()
        return oss2.credentials.Credentials(held["AccessKeyId"], held["AccessKeySecret"], held["SecurityToken"])


def for_v2(vended):
    def credentials():
        held = vended.current()
        return oss.credentials.Credentials(held["AccessKeyId"], held["AccessKeySecret"], held["SecurityToken"])

    return oss.credentials.CredentialsProviderFunc(credentials)


# A server of its own for each test: in one that has a good key already there is nothing to renew.
@pytest.fixture
def fresh():
    with running() as cloud:
        yield cloud


@pytest.mark.parametrize("version", ["v1", "v4"])
def test_oss2_works_until_its_credentials_are_over_and_goes_on(fresh, run, version):
    vended = Vended(fresh, fresh.nearly_over())
    auth = {"v1": oss2.ProviderAuth, "v4": oss2.ProviderAuthV4}[version](ForOss2(vended))
    bucket = run("oss2", f"server {version.upper()}").watch(oss2.Bucket(auth, vended.held["endpoint"], vended.held["bucket"], region=vended.held["region"]))
    key, body = vended.held["dir"] + "oss2 目录+.bin", noise(2 * MIB)
    bucket.put_object(key, b"first")
    assert bucket.get_object(key).read() == b"first"
    upload = bucket.init_multipart_upload(key).upload_id
    first = bucket.upload_part(key, upload, 1, body[:MIB])
    old = oss2.StsAuth(vended.held["AccessKeyId"], vended.held["AccessKeySecret"], vended.held["SecurityToken"], auth_version=version)

    with fresh.clock_at(MARGIN + 5):  # the first credentials are over for OSS
        with pytest.raises(oss2.exceptions.ServerError) as error:
            oss2.Bucket(old, fresh.oss, BUCKET, region=REGION).get_object(key)
        assert (error.value.status, error.value.code) == (403, "SecurityTokenExpired")
        until(vended.is_renewed)
        second = bucket.upload_part(key, upload, 2, body[MIB:])
        bucket.complete_multipart_upload(key, upload, [oss2.models.PartInfo(1, first.etag), oss2.models.PartInfo(2, second.etag)])
        assert bucket.get_object(key).read() == body
    assert fresh.count("AssumeRole") == 1
    with pytest.raises(oss2.exceptions.AccessDenied):
        bucket.put_object("elsewhere", b"x")


def test_oss_v2_works_until_its_credentials_are_over_and_goes_on(fresh, run):
    vended = Vended(fresh, fresh.nearly_over())
    config = oss.config.load_default()
    config.credentials_provider, config.region, config.endpoint = for_v2(vended), vended.held["region"], vended.held["endpoint"]
    client = run("alibabacloud-oss-v2", "server V4").watch(oss.Client(config))
    place, body = {"bucket": BUCKET, "key": vended.held["dir"] + "v2 目录+.bin"}, noise(2 * MIB)
    client.put_object(oss.PutObjectRequest(**place, body=b"first"))
    upload = client.initiate_multipart_upload(oss.InitiateMultipartUploadRequest(**place)).upload_id

    def part(number, piece):
        etag = client.upload_part(oss.UploadPartRequest(**place, upload_id=upload, part_number=number, body=piece)).etag
        return oss.UploadPart(part_number=number, etag=etag)

    first, held = part(1, body[:MIB]), vended.held
    with fresh.clock_at(MARGIN + 5):
        config.credentials_provider = oss.credentials.StaticCredentialsProvider(held["AccessKeyId"], held["AccessKeySecret"], held["SecurityToken"])
        with pytest.raises(oss.exceptions.OperationError) as error:
            oss.Client(config).get_object(oss.GetObjectRequest(**place))
        assert error.value.unwrap().code == "SecurityTokenExpired"
        until(vended.is_renewed)
        whole = oss.CompleteMultipartUpload(parts=[first, part(2, body[MIB:])])
        client.complete_multipart_upload(oss.CompleteMultipartUploadRequest(**place, upload_id=upload, complete_multipart_upload=whole))
        with client.get_object(oss.GetObjectRequest(**place)).body as got:
            assert got.read() == body
    assert fresh.count("AssumeRole") == 1


class FromCredentials(oss2.credentials.CredentialsProvider):
    """The documented bridge from `alibabacloud-credentials` to `oss2`."""

    def __init__(self, client):
        self.client = client

    def get_credentials(self):
        held = self.client.get_credential()
        return oss2.credentials.Credentials(held.get_access_key_id(), held.get_access_key_secret(), held.get_security_token())


@pytest.mark.parametrize("by_environment", [True, False], ids=["ALIBABA_CLOUD_CREDENTIALS_URI", "credentials_uri"])
def test_alibabacloud_credentials_reads_our_uri_refreshes_and_goes_on(fresh, run, monkeypatch, by_environment):
    first, uri = fresh.nearly_over("/credentials-uri"), f"{fresh.server}/credentials-uri?duration=900"
    if by_environment:
        monkeypatch.setattr("alibabacloud_credentials.utils.auth_util.environment_credentials_uri", uri)  # it reads the environment when imported
        monkeypatch.setenv("ALIBABA_CLOUD_CREDENTIALS_URI", uri)
        config = None
    else:
        config = CredentialsConfig(type="credentials_uri", credentials_uri=uri)
    client = run("alibabacloud-credentials", "server by URI").watch(CredentialsClient(config))
    bucket = oss2.Bucket(oss2.ProviderAuthV4(FromCredentials(client)), fresh.oss, BUCKET, region=REGION)
    held = client.get_credential()
    assert (held.get_access_key_id(), held.get_type()) == (first["AccessKeyId"], "credentials_uri") or by_environment
    bucket.put_object("uploads/by-uri", b"first")
    until(lambda: client.get_credential().get_access_key_id() != first["AccessKeyId"])
    with fresh.clock_at(MARGIN + 5):
        assert bucket.get_object("uploads/by-uri").read() == b"first"
    before = fresh.vended(duration=900)["AccessKeyId"]
    assert [client.get_credential().get_access_key_id() for _ in range(3)] == [before] * 3
    assert fresh.count("AssumeRole") == 1
