#!/usr/bin/env bash
# Writes the seeds of the fuzz targets, most from the vectors of the official SDKs: fuzz/seed.sh
set -euo pipefail
cd "$(dirname "$0")"
mkdir -p corpus/authorization corpus/query corpus/form
python3 - <<'PYTHON'
import json
from pathlib import Path

vectors = Path("../tests/vectors")
for path in sorted(vectors.glob("*.json")):
    vectors_of = json.loads(path.read_text())
    for vector in vectors_of["vectors"] if isinstance(vectors_of, dict) else []:
        name = f"{path.stem}-{vector['id']}"
        expected, request = vector["expected"], vector["request"]
        if expected.get("authorization"):
            Path("corpus/authorization", name).write_text(expected["authorization"])
        url = expected.get("signed_url") or request["url"]
        if "?" in url:
            Path("corpus/query", name).write_text(url.split("?", 1)[1])
        if expected.get("fields"):
            parts = [
                f'--edge\r\nContent-Disposition: form-data; name="{field}"\r\n\r\n{value}\r\n'
                for field, value in expected["fields"].items()
            ]
            parts.append('--edge\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n')
            parts.append("Content-Type: image/png\r\n\r\nbytes\r\n--edge--\r\n")
            Path("corpus/form", name).write_bytes("".join(parts).encode())
PYTHON
mkdir -p corpus/jwt
printf '{"alg":"EdDSA","kid":"a","typ":"at+jwt"}\n{"iss":"public","sub":"u42","aud":["a"],"exp":60,"nbf":0}' > corpus/jwt/public
printf '{"alg":"HS256"}\n{"iss":"shared","sub":"u42","exp":60.5}' > corpus/jwt/shared
printf '{"keys":[{"kty":"EC","crv":"P-256","use":"sig","key_ops":["verify"],"x":"AA","y":"AA"}]}' > corpus/jwt/key-set
