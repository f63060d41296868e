"""Runs the official Python SDKs with time, nonces and keys frozen, and writes what they signed as test vectors.

    make.py NODE_CASES OUT_DIR

NODE_CASES is what `make.mjs` printed; the two are sorted into one file for each scheme. Nothing reaches a network: each
SDK is stopped where it would send. What is signed is read off the hash functions that the SDK calls, so the texts are
the SDK's own, not a second opinion.
"""

import base64
import datetime
import json
import pathlib
import re
import sys
import urllib.parse

from frozen import hashed, run, sent, signed, version  # first: it freezes what the others import

import aliyunsdkcore.client
import aliyunsdkcore.request
import alibabacloud_oss_v2 as oss
import alibabacloud_sts20150401.client
import alibabacloud_sts20150401.models as sts_models
import oss2
from alibabacloud_tea_openapi import utils_models
from aliyunsdkcore.auth import credentials as core_credentials
import frozen

BUCKET, REGION = "examplebucket", "cn-hangzhou"
ENDPOINT = "https://oss-cn-hangzhou.aliyuncs.com"
PERMANENT = {"access_key_id": "ExampleAccessKeyId", "access_key_secret": "Example/Secret+With=Signs~-_."}
TEMPORARY = {
    "access_key_id": "STS.ExampleTemporaryId",
    "access_key_secret": "ExampleTemporarySecret/+=",
    "security_token": "CAISexample/Token+With=Signs&Percent%2B==/a+b/c==",
}
KEYS = {
    "plain": "dir/file.txt",
    "space": "dir/a b+c%d%2Fe.txt",
    "quotes": "it's \"q\" <x> & y=z?w#v;u,t.txt",
    "marks": "~*()!@:$,[]{}|^`\\-_..txt",
    "chinese": "目录/文件 名（一）.jpg",
    "emoji": "😀/é ñ 🇨🇳.png",
}


def text(value):
    return value.decode() if isinstance(value, bytes) else value


def stages(signature):
    """The texts behind `signature`, found by what the SDK hashed."""
    found = {}
    for message, digest in signed:
        if signature in (digest.hex(), base64.b64encode(digest).decode()):
            found["string_to_sign"] = message.decode()
    last = found["string_to_sign"].rsplit("\n", 1)[-1]
    for message, digest in hashed:
        if digest.hex() == last:
            found = {"canonical_request": message.decode(), **found}
    return {**found, "signature": signature}


UNSIGNED = {"user-agent", "accept", "accept-encoding", "connection", "content-length", "authorization", "x-sdk-client", "x-sdk-invoke-type"}


def headers_of(request, also=()):
    headers = [[name, text(value)] for name, value in request.headers.items() if value is not None]
    headers = [pair for pair in headers if pair[0].lower() not in UNSIGNED or pair[0].lower() in also]
    if "host" not in (name.lower() for name, _ in headers):
        headers.append(["Host", urllib.parse.urlsplit(request.url).netloc])
    return sorted(headers, key=lambda pair: pair[0].lower())


def body_of(request):
    body = request.body or ""
    if hasattr(body, "read"):
        body = body.read()
    return text(body if isinstance(body, (str, bytes)) else b"".join(body))


vectors = []


def record(scheme, case, note, source, credentials, context, request, expected):
    context = {**context, "now": frozen.now}
    vectors.append(
        {"scheme": scheme, "id": case, "note": note, "source": source, "credentials": credentials, "context": context,
         "request": request, "expected": expected}
    )


def header_case(scheme, case, note, source, credentials, context, call):
    run(call)
    request = sent[0]
    authorization = text(request.headers["Authorization"])
    listed = re.search(r"(?:AdditionalHeaders|SignedHeaders)=([^,]*)", authorization)
    also = listed[1].split(";") if listed else ()
    signature = re.search(r"(?:Signature=|:)([^,:]*)$|Signature=([^,]*),", authorization)
    wire = {"method": request.method, "url": request.url, "headers": headers_of(request, also), "body": body_of(request)}
    expected = {**stages(signature[1] or signature[2]), "authorization": authorization}
    record(scheme, case, note, source, credentials, context, wire, expected)


def query_case(scheme, case, note, source, credentials, context, method, headers, call):
    url = run(call)
    query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(url).query))
    signature = query.get("x-oss-signature") or query["Signature"]
    headers = [["Host", urllib.parse.urlsplit(url).netloc], *([name, value] for name, value in headers.items())]
    wire = {"method": method, "url": url, "headers": headers, "body": ""}
    record(scheme, case, note, source, credentials, context, wire, {**stages(signature), "signed_url": url})


def oss_context(signature_version, key, region=REGION, bucket=BUCKET, **more):
    context = {"bucket": bucket, "key": key, **more}
    return {**context, "region": region, "product": "oss"} if signature_version == "v4" else context


# oss2

def oss2_auth(signature_version, credentials):
    pair = credentials["access_key_id"], credentials["access_key_secret"]
    if token := credentials.get("security_token"):
        return oss2.StsAuth(*pair, token, auth_version=signature_version)
    return oss2.AuthV4(*pair) if signature_version == "v4" else oss2.Auth(*pair)


def oss2_bucket(signature_version, credentials, endpoint=ENDPOINT, **options):
    return oss2.Bucket(oss2_auth(signature_version, credentials), endpoint, BUCKET, region=REGION, **options)


PUT_HEADERS = {
    "Content-Type": "image/png",
    "Content-MD5": "XUFAKrxLKna5cZ2REBfFkg==",
    "x-oss-meta-Author": "alice",
    "x-oss-object-acl": "private",
    "x-oss-storage-class": "IA",
    "x-oss-forbid-overwrite": "true",
}
PARTS = [oss2.models.PartInfo(1, "5D41402ABC4B2A76B9719D911017C592"), oss2.models.PartInfo(3, "7D793037A0760186574B0282F2F435E7")]
PLAIN = KEYS["plain"]
OSS2_CALLS = [
    ("put", "content type with a parameter", PLAIN, {}, lambda b: b.put_object(PLAIN, b"hello", {"Content-Type": "text/plain; charset=utf-8"})),
    ("put-headers", "Content-MD5, metadata with an upper-case name, ACL, storage class, no overwriting", PLAIN, {}, lambda b: b.put_object(PLAIN, b"hello", PUT_HEADERS)),
    ("put-token", "temporary key", KEYS["chinese"], {"credentials": TEMPORARY}, lambda b: b.put_object(KEYS["chinese"], b"hello", PUT_HEADERS)),
    ("put-callback", "callback headers", PLAIN, {}, lambda b: b.put_object(PLAIN, b"hello", {"x-oss-callback": "eyJjYWxsYmFja1VybCI6Imh0dHA6Ly9hL2IifQ==", "x-oss-callback-var": "e30="})),
    *((f"get-{name}", "awkward key", key, {}, lambda b, key=key: b.get_object(key)) for name, key in KEYS.items()),
    ("get-range", "a range, which is not signed", PLAIN, {}, lambda b: b.get_object(PLAIN, byte_range=(0, 9))),
    ("get-process", "image processing, overrides of the answer, traffic limit", KEYS["emoji"], {}, lambda b: b.get_object(
        KEYS["emoji"], process="image/resize,w_100/rotate,90",
        params={"response-content-disposition": "attachment; filename=\"a b+é.png\"", "response-content-type": "image/png", "x-oss-traffic-limit": "819200"})),
    ("head", "HEAD", PLAIN, {}, lambda b: b.head_object(PLAIN)),
    ("acl", "parameter without a value", PLAIN, {}, lambda b: b.get_object_acl(PLAIN)),
    ("delete-version", "version", PLAIN, {}, lambda b: b.delete_object(PLAIN, params={"versionId": "CAEQNhiBgM0BYiIDc4MGZjZGI2OTBjOTRmNTE5NmU5NmFhZjhjYmY0"})),
    ("init", "multipart: begin", PLAIN, {}, lambda b: b.init_multipart_upload(PLAIN, {"Content-Type": "video/mp4"})),
    ("part", "multipart: part", PLAIN, {"credentials": TEMPORARY}, lambda b: b.upload_part(PLAIN, "0004B9895DBBB6EC98E36", 3, b"hello")),
    ("complete", "multipart: end", PLAIN, {}, lambda b: b.complete_multipart_upload(PLAIN, "0004B9895DBBB6EC98E36", PARTS)),
    ("abort", "multipart: abort", PLAIN, {}, lambda b: b.abort_multipart_upload(PLAIN, "0004B9895DBBB6EC98E36")),
    ("list-parts", "multipart: list; V1 signs only the upload id", PLAIN, {}, lambda b: b.list_parts(PLAIN, "0004B9895DBBB6EC98E36", marker="1", max_parts=10)),
    ("list", "bucket level, awkward values; V1 signs none of them", None, {}, lambda b: b.list_objects_v2(prefix="目录/ +&=%", delimiter="/", max_keys=10)),
    ("list-token", "bucket level, continuation token, which V1 signs", None, {}, lambda b: b.list_objects_v2(continuation_token="CgJhYw--+/=")),
    ("delete-multi", "bucket level, POST with Content-MD5", None, {}, lambda b: b.batch_delete_objects([PLAIN, KEYS["chinese"]])),
    ("cname", "custom domain: the bucket is signed and not sent", PLAIN, {"endpoint": "https://static.example.com", "is_cname": True}, lambda b: b.get_object(PLAIN)),
    ("path-style", "path style on an address", KEYS["space"], {"endpoint": "http://127.0.0.1:9000"}, lambda b: b.get_object(KEYS["space"])),
    ("internal", "internal endpoint", PLAIN, {"endpoint": "https://oss-cn-hangzhou-internal.aliyuncs.com"}, lambda b: b.get_object(PLAIN)),
]
OSS2_URLS = [
    *((f"get-{name}", "awkward key", "GET", key, {}, {}, {}) for name, key in KEYS.items()),
    ("get-token", "temporary key", "GET", KEYS["emoji"], {}, {}, {"credentials": TEMPORARY}),
    ("put-type", "content type and metadata are signed", "PUT", PLAIN, {"Content-Type": "image/png", "x-oss-meta-a": "1"}, {}, {"credentials": TEMPORARY}),
    ("put-md5", "Content-MD5 is signed, nothing is overwritten", "PUT", KEYS["chinese"], {"Content-MD5": "XUFAKrxLKna5cZ2REBfFkg==", "x-oss-forbid-overwrite": "true"}, {}, {}),
    ("process", "image processing", "GET", PLAIN, {}, {"x-oss-process": "image/resize,w_100/rotate,90"}, {}),
    ("response", "overrides of the answer", "GET", PLAIN, {}, {"response-content-disposition": "attachment; filename=\"a b+é.png\"", "response-content-type": "text/plain; charset=utf-8"}, {}),
    ("traffic", "traffic limit", "PUT", PLAIN, {}, {"x-oss-traffic-limit": "819200"}, {}),
    ("version", "version", "GET", PLAIN, {}, {"versionId": "CAEQNhiBgM0BYiIDc4MGZjZGI2OTBjOTRm"}, {}),
    ("uploads", "parameter without a value", "POST", PLAIN, {}, {"uploads": ""}, {}),
    ("part", "multipart: part", "PUT", PLAIN, {}, {"partNumber": "1", "uploadId": "0004B9895DBBB6EC98E36"}, {"credentials": TEMPORARY}),
    ("cname", "custom domain", "GET", KEYS["space"], {}, {}, {"endpoint": "https://static.example.com", "is_cname": True}),
    ("path-style", "path style on an address", "PUT", KEYS["quotes"], {"Content-Type": "image/png"}, {}, {"endpoint": "http://127.0.0.1:9000"}),
]
OSS2 = version("oss2")
for v in ("v1", "v4"):
    for name, note, key, options, call in OSS2_CALLS:
        options = dict(options)
        credentials = options.pop("credentials", PERMANENT)
        bucket = oss2_bucket(v, credentials, **options)
        header_case(f"oss_{v}_header", f"oss2-{name}", note, OSS2, credentials, oss_context(v, key), lambda: call(bucket))
    service = oss2.Service(oss2_auth(v, PERMANENT), ENDPOINT, region=REGION)
    header_case(f"oss_{v}_header", "oss2-service", "service level", OSS2, PERMANENT, oss_context(v, None, bucket=None), lambda: service.list_buckets(prefix="e"))
    for name, note, method, key, headers, params, options in OSS2_URLS:
        options = dict(options)
        credentials = options.pop("credentials", PERMANENT)
        bucket = oss2_bucket(v, credentials, **options)
        call = lambda: bucket.sign_url(method, key, 600, headers=dict(headers), params=dict(params), slash_safe=True)  # noqa: E731
        query_case(f"oss_{v}_query", f"oss2-{name}", note, OSS2, credentials, oss_context(v, key, expires_in=600), method, headers, call)
bucket = oss2_bucket("v4", PERMANENT)
extra = {"Content-Length": "1000", "Content-Type": "image/png", "Range": "bytes=0-9"}
query_case("oss_v4_query", "oss2-additional", "additional headers; content-type is signed anyway, a missing one does not count", OSS2, PERMANENT,
           oss_context("v4", PLAIN, expires_in=604800), "PUT", extra,
           lambda: bucket.sign_url("PUT", PLAIN, 604800, headers=dict(extra), slash_safe=True, additional_headers={"Content-Length", "content-type", "Range", "missing"}))


# alibabacloud-oss-v2

def v2_client(signature_version, credentials, **options):
    config = oss.config.load_default()
    config.credentials_provider = oss.credentials.StaticCredentialsProvider(
        credentials["access_key_id"], credentials["access_key_secret"], credentials.get("security_token"))
    config.region, config.signature_version, config.retry_max_attempts = REGION, signature_version, 1
    for name, value in options.items():
        setattr(config, name, value)
    return oss.Client(config)


V2_PUT = dict(bucket=BUCKET, content_type="image/png", content_md5="XUFAKrxLKna5cZ2REBfFkg==", metadata={"author": "é"}, storage_class="IA", forbid_overwrite="true")
V2_CALLS = [
    ("put", "metadata, MD5, storage class", KEYS["chinese"], {}, lambda c: c.put_object(oss.PutObjectRequest(key=KEYS["chinese"], body=b"hello", **{**V2_PUT, "metadata": {"author": "a"}}))),
    ("get", "literal percent sign and plus", KEYS["space"], {}, lambda c: c.get_object(oss.GetObjectRequest(bucket=BUCKET, key=KEYS["space"]))),
    ("complete", "multipart: end, with a callback", PLAIN, {}, lambda c: c.complete_multipart_upload(oss.CompleteMultipartUploadRequest(
        bucket=BUCKET, key=PLAIN, upload_id="0004B9895DBBB6EC98E36", callback="eyJhIjoiYiJ9",
        complete_multipart_upload=oss.CompleteMultipartUpload(parts=[oss.UploadPart(part_number=1, etag="5D41402ABC4B2A76B9719D911017C592")])))),
    ("complete-all", "multipart: end, without a list of parts", PLAIN, {}, lambda c: c.complete_multipart_upload(oss.CompleteMultipartUploadRequest(bucket=BUCKET, key=PLAIN, upload_id="0004B9895DBBB6EC98E36", complete_all="yes"))),
    ("list", "bucket level, awkward prefix", None, {}, lambda c: c.list_objects_v2(oss.ListObjectsV2Request(bucket=BUCKET, prefix="目录/ +&=%", max_keys=10))),
    ("delete-multi", "bucket level, several objects", None, {}, lambda c: c.delete_multiple_objects(oss.DeleteMultipleObjectsRequest(bucket=BUCKET, objects=[oss.DeleteObject(key=KEYS["marks"])]))),
    ("path-style", "path style", KEYS["marks"], {"use_path_style": True}, lambda c: c.head_object(oss.HeadObjectRequest(bucket=BUCKET, key=KEYS["marks"]))),
    ("cname", "custom domain", KEYS["quotes"], {"use_cname": True, "endpoint": "https://static.example.com"}, lambda c: c.get_object(oss.GetObjectRequest(bucket=BUCKET, key=KEYS["quotes"]))),
]
V2_URLS = [
    ("get", "overrides of the answer, processing", KEYS["emoji"], {"credentials": TEMPORARY}, {}, oss.GetObjectRequest(
        bucket=BUCKET, key=KEYS["emoji"], response_content_disposition="attachment; filename=\"a b+é.png\"", process="image/info")),
    ("put", "signed headers", KEYS["chinese"], {"credentials": TEMPORARY}, {}, oss.PutObjectRequest(key=KEYS["chinese"], **{**V2_PUT, "metadata": {"author": "a"}})),
    ("head", "HEAD", PLAIN, {}, {}, oss.HeadObjectRequest(bucket=BUCKET, key=PLAIN)),
    ("part", "multipart: part", PLAIN, {}, {}, oss.UploadPartRequest(bucket=BUCKET, key=PLAIN, upload_id="0004B9895DBBB6EC98E36", part_number=2)),
    ("complete", "multipart: end", PLAIN, {}, {}, oss.CompleteMultipartUploadRequest(bucket=BUCKET, key=PLAIN, upload_id="0004B9895DBBB6EC98E36")),
    ("path-style", "path style", KEYS["space"], {"use_path_style": True}, {}, oss.GetObjectRequest(bucket=BUCKET, key=KEYS["space"])),
    ("cname", "custom domain", KEYS["marks"], {"use_cname": True, "endpoint": "https://static.example.com"}, {}, oss.GetObjectRequest(bucket=BUCKET, key=KEYS["marks"])),
]
OSS_V2 = version("alibabacloud-oss-v2")
for v in ("v1", "v4"):
    for name, note, key, options, call in V2_CALLS:
        client = v2_client(v, PERMANENT, **options)
        header_case(f"oss_{v}_header", f"oss-v2-{name}", note, OSS_V2, PERMANENT, oss_context(v, key), lambda: call(client))
    for name, note, key, options, _, request in V2_URLS:
        options = dict(options)
        credentials = options.pop("credentials", PERMANENT)
        if v == "v1" and getattr(request, "process", None):
            request.process = None  # V1 of this SDK leaves x-oss-process unsigned, unlike every other SDK
        client = v2_client(v, credentials, **options)
        result = client.presign(request, expires=datetime.timedelta(seconds=900))
        query_case(f"oss_{v}_query", f"oss-v2-{name}", note, OSS_V2, credentials, oss_context(v, key, expires_in=900), result.method, dict(result.signed_headers or {}),
                   lambda: client.presign(request, expires=datetime.timedelta(seconds=900)).url)
client = v2_client("v4", TEMPORARY, additional_headers=["host", "content-length"])
header_case("oss_v4_header", "oss-v2-token-additional", "temporary key; host and content-length are signed", OSS_V2, TEMPORARY, oss_context("v4", PLAIN),
            lambda: client.put_object(oss.PutObjectRequest(bucket=BUCKET, key=PLAIN, body=b"hello", content_length=5)))
client = v2_client("v4", PERMANENT, endpoint="https://oss-accelerate.aliyuncs.com")
header_case("oss_v4_header", "oss-v2-accelerate", "accelerated: still the region of the bucket", OSS_V2, PERMANENT, oss_context("v4", PLAIN), lambda: client.get_object(oss.GetObjectRequest(bucket=BUCKET, key=PLAIN)))
client = v2_client("v4", PERMANENT, additional_headers=["content-length"])
sized = oss.PutObjectRequest(bucket=BUCKET, key=PLAIN, content_length=1000, content_type="image/png")
query_case("oss_v4_query", "oss-v2-size", "content-length is signed: just so many bytes can be put", OSS_V2, PERMANENT, oss_context("v4", PLAIN, expires_in=900), "PUT",
           dict(client.presign(sized, expires=datetime.timedelta(seconds=900)).signed_headers), lambda: client.presign(sized, expires=datetime.timedelta(seconds=900)).url)


# alibabacloud-sts20150401, which speaks ACS3, and RPC on request

def sts_client(credentials, **options):
    config = utils_models.Config(
        access_key_id=credentials["access_key_id"], access_key_secret=credentials["access_key_secret"],
        security_token=credentials.get("security_token"), region_id=REGION, **options)
    return alibabacloud_sts20150401.client.Client(config)


ROLE = {"role_arn": "acs:ram::1234567890123456:role/example-role", "role_session_name": "u42@example.com"}
POLICY = json.dumps({"Version": "1", "Statement": [{"Effect": "Allow", "Action": ["oss:PutObject"], "Resource": ["acs:oss:*:*:examplebucket/目录/ +~'\"*"]}]}, ensure_ascii=False)
STS_CALLS = [
    ("plain", "AssumeRole, what is required", PERMANENT, lambda c: c.assume_role(sts_models.AssumeRoleRequest(**ROLE))),
    ("full", "AssumeRole, all parameters", PERMANENT, lambda c: c.assume_role(sts_models.AssumeRoleRequest(
        **ROLE, duration_seconds=900, policy=POLICY, external_id="a+b=c,.@:/-_d", source_identity="alice@example.com"))),
    ("token", "AssumeRole with a temporary key", TEMPORARY, lambda c: c.assume_role(sts_models.AssumeRoleRequest(**ROLE, duration_seconds=3600))),
    ("identity", "GetCallerIdentity, no parameters", PERMANENT, lambda c: c.get_caller_identity()),
]
STS = version("alibabacloud-sts20150401", "alibabacloud-tea-openapi")


def rpc_case(case, note, source, credentials, call):
    run(call)
    request = sent[0]
    body = body_of(request)
    given = urllib.parse.parse_qsl(urllib.parse.urlsplit(request.url).query) + urllib.parse.parse_qsl(body)
    wire = {"method": request.method, "url": request.url, "headers": headers_of(request), "body": body}
    record("rpc_v1", case, note, source, credentials, {}, wire, stages(dict(given)["Signature"]))


for name, note, credentials, call in STS_CALLS:
    client = sts_client(credentials)
    header_case("acs3_v3", f"sts-py-{name}", note, STS, credentials, {}, lambda: call(client))
    client = sts_client(credentials, signature_algorithm="v2")
    rpc_case(f"sts-py-{name}", note, STS, credentials, lambda: call(client))

# aliyun-python-sdk-core
CORE = version("aliyun-python-sdk-core")
for name, note, method, credentials, query, body in [
    ("get", "GET, empty SignatureType, which is signed", "GET", PERMANENT, {"RoleArn": ROLE["role_arn"], "RoleSessionName": "u42"}, {}),
    ("post", "POST, parameters in query and body", "POST", PERMANENT, {"RoleArn": ROLE["role_arn"]}, {"RoleSessionName": "u42", "Policy": POLICY.replace(" ", "")}),
    ("token", "temporary key", "GET", TEMPORARY, {"RoleArn": ROLE["role_arn"], "RoleSessionName": "u42", "b": "1", "B": "2", "_": "3"}, {}),
]:
    if token := credentials.get("security_token"):
        held = core_credentials.StsTokenCredential(credentials["access_key_id"], credentials["access_key_secret"], token)
    else:
        held = core_credentials.AccessKeyCredential(credentials["access_key_id"], credentials["access_key_secret"])
    client = aliyunsdkcore.client.AcsClient(region_id=REGION, credential=held)
    request = aliyunsdkcore.request.CommonRequest(domain="sts.cn-hangzhou.aliyuncs.com", version="2015-04-01", action_name="AssumeRole")
    request.set_method(method), request.set_protocol_type("https")
    for key, value in query.items():
        request.add_query_param(key, value)
    for key, value in body.items():
        request.add_body_params(key, value)
    rpc_case(f"core-py-{name}", note, CORE, credentials, lambda: client.do_action_with_exception(request))

# The files
vectors += json.loads(pathlib.Path(sys.argv[1]).read_text())
out = pathlib.Path(sys.argv[2])
for scheme in sorted({vector["scheme"] for vector in vectors}):
    mine = [{name: value for name, value in vector.items() if name != "scheme"} for vector in vectors if vector["scheme"] == scheme]
    assert len({vector["id"] for vector in mine}) == len(mine), scheme
    document = {"scheme": scheme, "vectors": mine}
    (out / f"{scheme}.json").write_text(json.dumps(document, ensure_ascii=False, indent=1) + "\n")
    print(f"{scheme}: {len(mine)}")
