"""The STS SDKs as clients of the emulated STS: `alibabacloud-sts20150401` in both schemes, `aliyun-python-sdk-core`."""

import datetime
import json
import sys
import urllib.parse
import xml.etree.ElementTree

import oss2
import pytest
from alibabacloud_sts20150401 import client as sts, models
from alibabacloud_tea_openapi.utils_models import Config

sys.modules.setdefault("xml.etree.cElementTree", xml.etree.ElementTree)  # the core SDK still asks for the name Python 3.9 removed

from aliyunsdkcore.acs_exception.exceptions import ServerException  # noqa: E402
from aliyunsdkcore.client import AcsClient  # noqa: E402
from aliyunsdkcore.request import CommonRequest  # noqa: E402

from cloud import ACCESS_KEY, BUCKET, REGION, ROLE_ARN  # noqa: E402

POLICY = json.dumps({"Version": "1", "Statement": [{"Effect": "Allow", "Action": ["oss:PutObject"], "Resource": [f"acs:oss:*:*:{BUCKET}/sts 目录/*"]}]}, ensure_ascii=False)


@pytest.fixture(params=[("ACS3", None), ("RPC", "v2")], ids=["acs3", "rpc"])
def client(request, cloud, run):
    def client(access_key=ACCESS_KEY):
        name, algorithm = request.param
        address = urllib.parse.urlsplit(cloud.sts)
        config = Config(access_key_id=access_key[0], access_key_secret=access_key[1], security_token=(access_key[2:] or [None])[0],
                        endpoint=address.netloc, protocol=address.scheme, signature_algorithm=algorithm)
        return run("alibabacloud-sts20150401", f"emulator {name}").watch(sts.Client(config))

    return client


def temporary(credentials):
    return credentials.access_key_id, credentials.access_key_secret, credentials.security_token


def test_a_role_is_assumed_and_its_key_is_good_for_its_policy(client, cloud):
    request = models.AssumeRoleRequest(role_arn=ROLE_ARN, role_session_name="alice", duration_seconds=900, policy=POLICY)
    answer = client().assume_role(request).body
    assert answer.request_id and answer.assumed_role_user.arn.endswith("role/oss-vend-dev/alice")
    expiration = datetime.datetime.strptime(answer.credentials.expiration, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=datetime.timezone.utc)
    left = (expiration - datetime.datetime.now(datetime.timezone.utc)).total_seconds()
    assert 890 < left <= 900
    bucket = oss2.Bucket(oss2.StsAuth(*temporary(answer.credentials), auth_version="v4"), cloud.oss, BUCKET, region=REGION)
    bucket.put_object("sts 目录/a", b"x")
    for refused in (lambda: bucket.put_object("elsewhere", b"x"), lambda: bucket.get_object("sts 目录/a")):
        with pytest.raises(oss2.exceptions.AccessDenied):
            refused()


def test_callers_are_told_who_they_are(client):
    user = client().get_caller_identity().body
    assert (user.identity_type, user.account_id) == ("RAMUser", "1234567890123456") and user.arn.endswith("user/oss-vend")
    key = temporary(client().assume_role(models.AssumeRoleRequest(role_arn=ROLE_ARN, role_session_name="bob")).body.credentials)
    assert client(key).get_caller_identity().body.arn.endswith("assumed-role/oss-vend-dev/bob")


def test_an_identity_token_is_worth_a_role(client, cloud):
    """As a pod of a cluster does it: no AccessKey signs this."""
    token = cloud.knob("POST", "/identity-token", subject="system:serviceaccount:default:app")["token"]
    asked = {"role_arn": ROLE_ARN, "oidcprovider_arn": "acs:ram::1234567890123456:oidc-provider/emulator", "role_session_name": "pod"}
    answer = client().assume_role_with_oidc(models.AssumeRoleWithOIDCRequest(**asked, oidctoken=token)).body
    assert answer.oidctoken_info.subject == "system:serviceaccount:default:app"
    bucket = oss2.Bucket(oss2.StsAuth(*temporary(answer.credentials), auth_version="v4"), cloud.oss, BUCKET, region=REGION)
    bucket.put_object("oidc", b"x")
    with pytest.raises(Exception) as error:
        client().assume_role_with_oidc(models.AssumeRoleWithOIDCRequest(**asked, oidctoken=token[:-4] + "AAAA"))
    assert error.value.code == "AuthenticationFail.OIDCToken.Invalid"


@pytest.mark.parametrize(("access_key", "change", "status", "code"), [
    (("LTAIunknown", "x"), {}, 404, "InvalidAccessKeyId.NotFound"),
    ((ACCESS_KEY[0], "wrong"), {}, 400, "SignatureDoesNotMatch"),
    (ACCESS_KEY, {"role_arn": "acs:ram::1234567890123456:role/none"}, 404, "EntityNotExist.Role"),
    (ACCESS_KEY, {"duration_seconds": 899}, 400, "InvalidParameter.DurationSeconds"),
    (ACCESS_KEY, {"role_session_name": "a b"}, 400, "InvalidParameter.RoleSessionName"),
    (ACCESS_KEY, {"policy": "{"}, 400, "InvalidParameter.PolicyGrammar"),
])
def test_what_sts_refuses_is_refused(client, access_key, change, status, code):
    request = models.AssumeRoleRequest(**{"role_arn": ROLE_ARN, "role_session_name": "alice", **change})
    with pytest.raises(Exception) as error:
        client(access_key).assume_role(request)
    assert (error.value.code, error.value.status_code) == (code, status)


def core_request(cloud, method="POST", **parameters):
    address = urllib.parse.urlsplit(cloud.sts)
    request = CommonRequest(domain=address.netloc, version="2015-04-01", action_name="AssumeRole")
    request.set_method(method), request.set_protocol_type(address.scheme)
    for name, value in {"RoleArn": ROLE_ARN, "RoleSessionName": "core", **parameters}.items():
        request.add_query_param(name, value)
    return request


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_the_core_sdk_assumes_a_role(cloud, run, method):
    run("aliyun-python-sdk-core", "emulator RPC").calls.add(f"AssumeRole by {method}")
    answer = json.loads(AcsClient(*ACCESS_KEY, REGION).do_action_with_exception(core_request(cloud, method, Policy=POLICY)))
    assert answer["Credentials"]["AccessKeyId"].startswith("STS.") and answer["AssumedRoleUser"]["Arn"].endswith("/core")
    with pytest.raises(ServerException) as error:
        AcsClient(ACCESS_KEY[0], "wrong", REGION).do_action_with_exception(core_request(cloud, method))
    assert (error.value.http_status, error.value.error_code) == (400, "SignatureDoesNotMatch")
