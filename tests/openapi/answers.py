"""Holds answers of the running server at argv[1] to the document in the file argv[3], which has to be the one that is served. A
member that the document does not name is a failure, too. argv[2] is the emulated OSS, which can have STS fail."""

import json
import sys
import urllib.error
import urllib.request

import jsonschema_rs

# What is asked, the status of the answer, and, of a problem, its code.
CASES = [
    ("/sts", None, 200, None),
    ("/sts?duration=900&minRemaining=60", None, 200, None),
    ("/sts", {"grant": None, "duration": 43200}, 200, None),
    ("/sts", {}, 200, None),
    ("/sts?duration=899", None, 400, "invalid_parameter"),
    ("/sts?grant=nobody", None, 404, "unknown_grant"),
    ("/credentials-uri", None, 200, None),
    ("/post-signature", None, 200, None),
    ("/post-signature?filename=photo.png", None, 200, None),
    ("/post-signature", {"key": "uploads/photo.png", "contentType": "image/png", "size": 5, "expires": 604800}, 200, None),
    ("/post-signature", {"signatureVersion": "v1"}, 200, None),
    ("/presigned-url?filename=photo.png&size=4096", None, 200, None),
    ("/presigned-url?key=uploads/a.png&method=GET&process=image/resize,w_200", None, 200, None),
    ("/presigned-url", {"key": "uploads/a.png", "size": 1, "forbidOverwrite": True, "trafficLimit": 819200, "storageClass": "IA"}, 200, None),
    ("/presigned-url", {"key": "uploads/a.png", "size": 1, "contentMd5": "XUFAKrxLKna5cZ2REBfFkg=="}, 200, None),
    ("/presigned-url", {"items": [{"filename": "a.png", "size": 1}, {"key": "elsewhere"}]}, 200, None),
    ("/presigned-url?method=GET", None, 400, "missing_parameter"),
    ("/presigned-url?key=elsewhere&method=GET", None, 403, "key_outside_directory"),
    ("/presigned-url?key=uploads/a.png&method=GET&grant=default&expires=604801", None, 400, "invalid_parameter"),
    ("/presigned-url", [], 400, "invalid_json"),
    ("/grants", None, 200, None),
    ("/get_sts_token_for_oss_upload", None, 200, None),
    ("/get_post_signature_for_oss_upload", None, 200, None),
    ("/healthz", None, 200, None),
    ("/readyz", None, 200, None),
]
# The same with a header and a body.
REFUSED = [
    ("/sts", {"Authorization": "Bearer nonsense"}, None, 401, "invalid_proof"),
    ("/sts", {"Authorization": "Basic nonsense"}, None, 401, "invalid_proof"),
    ("/sts", {"Content-Type": "text/plain"}, b"{}", 415, "unsupported_media_type"),
    ("/sts", {"Content-Type": "application/json"}, b" " * (64 * 1024 + 1), 413, "body_too_large"),
]
TEXTS = ["/presigned-url?filename=photo.png&size=4096", "/get_presigned_url_for_oss_upload"]


def main():
    server, cloud, printed = sys.argv[1:]
    with open(printed) as file:
        document = json.load(file)
    assert document == json.loads(ask(server + "/openapi.json")[2]), "what is printed is not what is served"
    for schema in document["components"]["schemas"].values():
        if "properties" in schema:
            schema.setdefault("additionalProperties", False)
    fault = {"operation": "AssumeRole", "status": 403, "code": "NoPermission"}
    assert ask(cloud + "/-/emulator/failures", json.dumps(fault).encode())[0] < 300
    # A session of its own: after a failure STS is left alone for a while.
    hold(document, server, "/sts?duration=1800", {}, None, 502, "sts_refused")
    for path, body, status, code in CASES:
        body = body if body is None else json.dumps(body).encode()
        hold(document, server, path, {"Content-Type": "application/json"} if body else {}, body, status, code)
    for case in REFUSED:
        hold(document, server, *case)
    for path in TEXTS:
        got, kind, text = ask(server + path, headers={"Accept": "text/plain"})
        assert (got, kind) == (200, "text/plain; charset=utf-8") and text.startswith("http"), (path, got, kind, text)
    print(f"{len(CASES) + len(REFUSED) + len(TEXTS) + 1} answers are as the document says")


def hold(document, server, path, headers, body, status, code):
    got, kind, text = ask(server + path, body, headers)
    case = f"{'GET' if body is None else 'POST'} {path} {(body or b'')[:200]}: {got} {kind} {text}"
    answer = json.loads(text)
    assert (got, answer.get("code") if code else None) == (status, code), case
    operation = document["paths"][path.split("?")[0]]["get" if body is None else "post"]
    response = resolved(document, operation["responses"][str(got)])
    schema = response["content"][kind.split(";")[0]]["schema"]
    for error in jsonschema_rs.iter_errors({**schema, "components": document["components"]}, answer):
        raise AssertionError(f"{case}\n{error}")


def resolved(document, response):
    name = response.get("$ref", "").removeprefix("#/components/responses/")
    return document["components"]["responses"][name] if name else response


def ask(url, body=None, headers=None):
    request = urllib.request.Request(url, body, headers or {})
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        answer = opener.open(request, timeout=60)
    except urllib.error.HTTPError as refused:
        answer = refused
    return answer.status, answer.headers["content-type"], answer.read().decode()


main()
