"""Has the official Python SDKs sign some hundreds of requests with chance input, always the same, for `../generated.rs`.

    generate.py OUT_DIR

A case holds what was asked for and what the SDK made of it, no stage between: the hand-made cases of `make.py` have those.
"""

import datetime
import json
import pathlib
import random
import string
import sys
import urllib.parse

from frozen import at, run, sent, version  # first: it freezes what the others import

import aliyunsdkcore.client
import aliyunsdkcore.request
import alibabacloud_oss_v2 as oss
import alibabacloud_sts20150401.client
import alibabacloud_sts20150401.models as sts_models
import oss2
from alibabacloud_tea_openapi import utils_models
from aliyunsdkcore.auth import credentials as core_credentials

URLS, CALLS = 130, 90  # of each SDK in each scheme
LETTERS = string.ascii_letters + string.digits
PUNCTUATION = " +%&=#'\"<>~*()!@:$,;[]{}|^`-_."
OTHERS = "éñßøЖλ中文目录测试（）、。あ한😀🇨🇳👍🏽\u00a0\u200d"
REGIONS = ["cn-hangzhou", "cn-beijing", "ap-southeast-1", "eu-central-1", "us-west-1"]
BUCKETS = ["examplebucket", "abc", "a-b-c-0123456789", "x" * 63]
MD5 = "XUFAKrxLKna5cZ2REBfFkg=="


class Chance(random.Random):
    def often(self, share=0.5):
        return self.random() < share

    def text(self, longest, alphabet=None):
        pools = [alphabet] if alphabet else [LETTERS, LETTERS, PUNCTUATION, OTHERS]
        return "".join(self.choice(self.choice(pools)) for _ in range(self.randint(1, longest)))

    def key(self):
        segments = [self.text(12) for _ in range(self.randint(1, 4))]
        segments = [segment if segment.strip(". ") else "dots" for segment in segments]
        return "/".join(segments)

    def now(self):
        return self.randint(1_262_304_000, 4_102_444_799)  # 2010 to 2099

    def nonce(self):
        return "".join(self.choices("0123456789abcdef", k=32))

    def some(self, choices):
        """Some of the pairs, the values made where they are made by chance."""
        return {name: make() if callable(make) else make for name, make in choices if self.often(0.3)}


def credentials(chance):
    """An AccessKey, in a third of the cases with a token."""
    secret = chance.text(40, LETTERS + "/+=&%~")
    if chance.often(0.66):
        return {"access_key_id": f"LTAI{chance.text(16, LETTERS)}", "access_key_secret": secret}
    token = f"CAIS{chance.text(120, LETTERS + '/+=')}=="
    return {"access_key_id": f"STS.{chance.text(20, LETTERS)}", "access_key_secret": secret, "security_token": token}


def triple(key):
    return key["access_key_id"], key["access_key_secret"], key.get("security_token")


def address(chance, bucket, region):
    """Endpoint, what makes it special, and what stands before the key then."""
    scheme = chance.choice(["https", "https", "http"])
    kind = chance.choice(["public", "public", "internal", "accelerate", "cname", "path"])
    if kind == "cname":
        return f"{scheme}://static.example.com", kind, f"{scheme}://static.example.com"
    if kind == "path":
        return f"{scheme}://127.0.0.1:9000", kind, f"{scheme}://127.0.0.1:9000/{bucket}"
    host = {"public": f"oss-{region}", "internal": f"oss-{region}-internal", "accelerate": "oss-accelerate"}[kind]
    return f"{scheme}://{host}.aliyuncs.com", kind, f"{scheme}://{bucket}.{host}.aliyuncs.com"


def about(sdk, chance):
    key, now, bucket, region = credentials(chance), chance.now(), chance.choice(BUCKETS), chance.choice(REGIONS)
    endpoint, kind, base = address(chance, bucket, region)
    at(now, chance.nonce())
    case = {"sdk": sdk, "now": now, **key, "bucket": bucket, "region": region, "base": base}
    return case, key, endpoint, kind


def oss2_url(scheme, chance):
    case, key, endpoint, kind = about(version("oss2"), chance)
    name, secret, token = triple(key)
    permanent = oss2.AuthV4 if scheme == "v4" else oss2.Auth
    auth = oss2.StsAuth(name, secret, token, auth_version=scheme) if token else permanent(name, secret)
    bucket = oss2.Bucket(auth, endpoint, case["bucket"], region=case["region"], is_cname=kind == "cname")
    query = chance.some([
        ("response-content-type", "text/plain; charset=utf-8"),
        ("response-content-disposition", lambda: f'attachment; filename="{chance.text(10)}"'),
        ("response-cache-control", "no-cache"),
        ("x-oss-process", lambda: f"image/resize,w_{chance.randint(1, 999)}/rotate,90"),
        ("x-oss-traffic-limit", lambda: str(chance.randint(245760, 838860800))),
        ("versionId", lambda: chance.text(40, LETTERS)),
        ("uploads", ""),
    ])
    if chance.often(0.2):
        query |= {"partNumber": str(chance.randint(1, 10000)), "uploadId": chance.text(32, "0123456789ABCDEF")}
    if chance.often(0.2):
        query[chance.text(8)] = chance.text(8)
    headers = chance.some([
        ("Content-Type", lambda: chance.choice(["image/png", "text/plain; charset=utf-8", "application/x-a+b"])),
        ("Content-MD5", MD5),
        ("x-oss-meta-Author", lambda: chance.text(10, LETTERS + "-_.,;:=%+")),
        ("X-Oss-Forbid-Overwrite", "true"),
        ("x-oss-storage-class", "IA"),
        ("x-oss-tagging", "a=b&c=%2B"),
    ])
    more, options = {}, {}
    if scheme == "v4" and not token and chance.often(0.4):  # its StsAuth has none
        more = chance.some([("Content-Length", "1000"), ("Range", "bytes=0-9"), ("Cache-Control", "no-cache")])
        options = {"additional_headers": set(more)}
    method, object_key, expires = chance.choice(["GET", "PUT", "HEAD", "DELETE", "POST"]), chance.key(), chance.randint(1, 604800)
    url = bucket.sign_url(method, object_key, expires, headers={**headers, **more}, params=dict(query), slash_safe=chance.often(), **options)
    return {**case, "method": method, "key": object_key, "query": query, "headers": {**headers, **more},
            "additional": sorted(name.lower() for name in more), "expires_in": expires, "url": url}


def v2_request(scheme, chance, bucket, key):
    """A request of this SDK, and what query it means."""
    upload = chance.text(32, "0123456789ABCDEF")
    part = chance.randint(1, 10000)
    headers = chance.some([
        ("content_type", lambda: chance.choice(["image/png", "text/plain; charset=utf-8"])),
        ("content_md5", MD5),
        ("storage_class", "IA"),
        ("forbid_overwrite", "true"),
        ("acl", "private"),
        ("metadata", lambda: {"author": chance.text(10, LETTERS + "-_.,;:=%+")}),
    ])
    query = chance.some([
        ("response_content_disposition", lambda: f'attachment; filename="{chance.text(10)}"'),
        ("response_cache_control", "no-cache"),
        ("version_id", lambda: chance.text(40, LETTERS)),
        # V1 of this SDK leaves x-oss-process unsigned, unlike every other SDK.
        *([("process", lambda: f"image/resize,w_{chance.randint(1, 999)}")] if scheme == "v4" else []),
    ])
    wire = {"version_id": "versionId", "process": "x-oss-process"}
    named = {wire.get(name, name.replace("_", "-")): value for name, value in query.items()}
    version_id = {name: value for name, value in query.items() if name == "version_id"}
    place = {"bucket": bucket, "key": key}
    return chance.choice([
        (oss.GetObjectRequest(**place, **query), named),
        (oss.PutObjectRequest(**place, **headers), {}),
        (oss.HeadObjectRequest(**place, **version_id), {"versionId": version_id["version_id"]} if version_id else {}),
        (oss.InitiateMultipartUploadRequest(**place), {"uploads": ""}),
        (oss.UploadPartRequest(**place, upload_id=upload, part_number=part), {"uploadId": upload, "partNumber": str(part)}),
        (oss.CompleteMultipartUploadRequest(**place, upload_id=upload), {"uploadId": upload}),
        (oss.AbortMultipartUploadRequest(**place, upload_id=upload), {"uploadId": upload}),
    ])


def v2_url(scheme, chance):
    case, key, endpoint, kind = about(version("alibabacloud-oss-v2"), chance)
    config = oss.config.load_default()
    config.credentials_provider = oss.credentials.StaticCredentialsProvider(*triple(key))
    config.region, config.endpoint, config.signature_version = case["region"], endpoint, scheme
    config.use_cname, config.use_path_style = kind == "cname", kind == "path"
    object_key, expires = chance.key(), chance.randint(1, 604800)
    request, query = v2_request(scheme, chance, case["bucket"], object_key)
    additional = []
    if scheme == "v4" and isinstance(request, oss.PutObjectRequest) and chance.often():
        request.content_length = chance.randint(1, 10**9)
        config.additional_headers = additional = ["content-length"]
    signed = oss.Client(config).presign(request, expires=datetime.timedelta(seconds=expires))
    headers = {name: str(value) for name, value in (signed.signed_headers or {}).items()}
    return {**case, "method": signed.method, "key": object_key, "query": query, "headers": headers,
            "additional": additional, "expires_in": expires, "url": signed.url}


def role(chance):
    """What is asked of AssumeRole, by the names on the wire."""
    name = LETTERS + ".@-_"
    place = f"acs:oss:*:*:{chance.choice(BUCKETS)}/{chance.key()}/*"
    policy = {"Version": "1", "Statement": [{"Effect": "Allow", "Action": ["oss:PutObject"], "Resource": [place]}]}
    separators = chance.choice([(",", ":"), (", ", ": ")])
    optional = chance.some([
        ("DurationSeconds", lambda: str(chance.randint(900, 43200))),
        ("Policy", lambda: json.dumps(policy, ensure_ascii=chance.often(0.2), separators=separators)),
        ("ExternalId", lambda: "x" + chance.text(30, LETTERS + "=,.@:/-_+")),
        ("SourceIdentity", lambda: "si" + chance.text(20, name)),
    ])
    account = "".join(chance.choices("0123456789", k=16))
    return {"RoleArn": f"acs:ram::{account}:role/r{chance.text(20, name)}", "RoleSessionName": f"s{chance.text(30, name)}x", **optional}


def sts_case(sdk, chance):
    key, now, nonce, region = credentials(chance), chance.now(), chance.nonce(), chance.choice(REGIONS)
    at(now, nonce)
    return {"sdk": sdk, "now": now, "nonce": nonce, **key, "role": role(chance)}, key, region


def sts_request(chance, **options):
    case, key, region = sts_case(version("alibabacloud-sts20150401", "alibabacloud-tea-openapi"), chance)
    name, secret, token = triple(key)
    config = utils_models.Config(access_key_id=name, access_key_secret=secret, security_token=token, region_id=region, **options)
    request = sts_models.AssumeRoleRequest().from_map(case["role"])
    run(lambda: alibabacloud_sts20150401.client.Client(config).assume_role(request))
    return case, sent[0]


def pairs(text):
    """Parsed; no name may occur twice, else a map would hide one."""
    found = urllib.parse.parse_qsl(text, keep_blank_values=True)
    assert len(dict(found)) == len(found), text
    return dict(found)


def parameters(request):
    body = request.body or ""
    return pairs("&".join(filter(None, [urllib.parse.urlsplit(request.url).query, body if isinstance(body, str) else body.decode()])))


def acs3(chance):
    case, request = sts_request(chance)
    headers = {name.lower(): value for name, value in request.headers.items()}
    authorization = headers.pop("authorization")
    assert not request.body
    signed = authorization.split("SignedHeaders=")[1].split(",")[0].split(";")
    headers.setdefault("host", urllib.parse.urlsplit(request.url).netloc)
    return {**case, "method": request.method, "query": parameters(request), "headers": {name: headers[name] for name in signed},
            "authorization": authorization}


def rpc(chance):
    case, request = sts_request(chance, signature_algorithm="v2")
    return {**case, "method": request.method, "parameters": parameters(request)}


def core_rpc(chance):
    case, key, region = sts_case(version("aliyun-python-sdk-core"), chance)
    name, secret, token = triple(key)
    held = core_credentials.StsTokenCredential(name, secret, token) if token else core_credentials.AccessKeyCredential(name, secret)
    request = aliyunsdkcore.request.CommonRequest(domain=f"sts.{region}.aliyuncs.com", version="2015-04-01", action_name="AssumeRole")
    request.set_method(chance.choice(["GET", "POST"])), request.set_protocol_type("https")
    for name, value in case["role"].items():
        add = request.add_query_param if request.get_method() == "GET" or chance.often() else request.add_body_params
        add(name, value)
    client = aliyunsdkcore.client.AcsClient(region_id=region, credential=held)
    run(lambda: client.do_action_with_exception(request))
    return {**case, "method": request.get_method(), "parameters": parameters(sent[0])}


def write(out, scheme, makers, count):
    cases = []
    for maker in makers:
        chance = Chance(f"{scheme} {maker.__name__}")
        cases += [maker(chance) for _ in range(count)]
    lines = ",\n".join(json.dumps(case, ensure_ascii=False, separators=(",", ":")) for case in cases)
    (out / f"generated_python_{scheme}.json").write_text(f"[\n{lines}\n]\n")
    print(f"generated_python_{scheme}: {len(cases)}")


def main():
    out = pathlib.Path(sys.argv[1])
    for scheme in ("v1", "v4"):
        def by_oss2(chance, scheme=scheme):
            return oss2_url(scheme, chance)

        def by_v2(chance, scheme=scheme):
            return v2_url(scheme, chance)

        write(out, scheme, [by_oss2, by_v2], URLS)
    write(out, "acs3", [acs3], CALLS)
    write(out, "rpc", [rpc, core_rpc], CALLS)


main()
