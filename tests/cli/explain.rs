//! `oss-vend explain`.

use std::fs;
use std::process::Output;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::oss_vend;

const CONFIG: &str = r#"
[sts]
role_arn = "acs:ram::1234567890123456:role/oss-upload"

[[auth.api_keys]]
id = "alice"
hash = "sha256:3c68bb5a3ff341fd1c054d4d1e31986dae38597839dec7e4c46bf9027877da91"

[grants.default]
bucket = "examplebucket"
region = "cn-hangzhou"
dir = "uploads/${caller.id}/"
session_name = "web-${caller.id}"
methods = ["sts", "post", "put", "get"]
max_size = "5 MiB"
content_types = ["image/png"]

[grants.tenant]
bucket = "examplebucket"
region = "cn-hangzhou"
dir = "tenants/${caller.claims.tenant}/"
require = [{ claim = "level", equals = 3 }]
"#;

fn explain(arguments: &[&str]) -> Output {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("oss-vend.toml"), CONFIG).unwrap();
    oss_vend(folder.path()).args(["explain", "--config", "oss-vend.toml"]).args(arguments).output().unwrap()
}

fn text(arguments: &[&str]) -> (Option<i32>, String) {
    let output = explain(arguments);
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    (output.status.code(), String::from_utf8(output.stdout).unwrap())
}

fn json(arguments: &[&str]) -> Value {
    let all: Vec<_> = arguments.iter().copied().chain(["--json"]).collect();
    serde_json::from_str(&text(&all).1).unwrap()
}

#[test]
fn what_a_caller_would_get_is_shown_exactly() {
    let (code, told) = text(&["--caller", "alice", "--filename", "a.png", "--size", "10"]);
    let expected = r#"
grant      default
caller     alice
directory  uploads/alice/

STS        allow
  lives    3600 s at most
  session  web-alice, 3600 s, of acs:ram::1234567890123456:role/oss-upload
  policy   372/2,048 bytes
    {"Version":"1","Statement":[{"Effect":"Allow","Action":["oss:PutObject","oss:AbortMultipartUpload","oss:ListParts","oss:GetObject"],"Resource":["acs:oss:*:*:examplebucket/uploads/alice/*"]},{"Effect":"Deny","Action":["oss:PutObject","oss:PutObjectAcl"],"Resource":["*"],"Condition":{"StringEqualsIgnoreCase":{"oss:x-oss-object-acl":["public-read","public-read-write"]}}}]}

POST       allow
  key      uploads/alice/00000000-0000-4000-8000-000000000000.png
  lives    3600 s at most
  condition {"bucket":"examplebucket"}
  condition {"key":"uploads/alice/00000000-0000-4000-8000-000000000000.png"}
  condition ["content-length-range",10,10]
  condition {"success_action_status":"200"}
  condition ["in","$content-type",["image/png"]]
  condition ["in","$x-oss-content-type",["image/png"]]
  session  web-alice, 3600 s, of acs:ram::1234567890123456:role/oss-upload
  policy   366/2,048 bytes
    {"Version":"1","Statement":[{"Effect":"Allow","Action":["oss:PutObject","oss:AbortMultipartUpload","oss:ListParts","oss:GetObject"],"Resource":["acs:oss:*:*:examplebucket/uploads/*"]},{"Effect":"Deny","Action":["oss:PutObject","oss:PutObjectAcl"],"Resource":["*"],"Condition":{"StringEqualsIgnoreCase":{"oss:x-oss-object-acl":["public-read","public-read-write"]}}}]}

PUT        allow
  key      uploads/alice/00000000-0000-4000-8000-000000000000.png
  lives    3600 s at most
  header   Content-Length: 10
  header   Content-Type: image/png
  session  web-alice, 3600 s, of acs:ram::1234567890123456:role/oss-upload
  policy   366/2,048 bytes
    {"Version":"1","Statement":[{"Effect":"Allow","Action":["oss:PutObject","oss:AbortMultipartUpload","oss:ListParts","oss:GetObject"],"Resource":["acs:oss:*:*:examplebucket/uploads/*"]},{"Effect":"Deny","Action":["oss:PutObject","oss:PutObjectAcl"],"Resource":["*"],"Condition":{"StringEqualsIgnoreCase":{"oss:x-oss-object-acl":["public-read","public-read-write"]}}}]}
"#;
    assert_eq!(format!("\n{told}"), expected);
    assert_eq!(code, Some(0));
}

#[test]
fn a_url_that_reads_shows_which_session_signs_it() {
    let (_, told) = text(&["--caller", "alice", "--method", "GET", "--key", "uploads/alice/a.png"]);
    let expected = r#"
GET        allow
  key      uploads/alice/a.png
  reads    confined: the session reads nothing outside the directory
  lives    3600 s at most
  process  may be image/auto-orient, image/average-hue, image/blur, image/bright, image/circle, image/contrast, image/crop, image/format, image/indexcrop, image/info, image/interlace, image/quality, image/resize, image/rotate, image/rounded-corners, image/sharpen, image/watermark
  session  web-alice, 3600 s, of acs:ram::1234567890123456:role/oss-upload
  policy   132/2,048 bytes
    {"Version":"1","Statement":[{"Effect":"Allow","Action":["oss:GetObject"],"Resource":["acs:oss:*:*:examplebucket/uploads/alice/*"]}]}
"#;
    assert!(told.ends_with(expected), "{told}");
    let told = json(&["--caller", "alice", "--method", "HEAD", "--key", "uploads/alice/a.png"]);
    assert_eq!(told["answers"][0]["problem"]["code"], "method_not_granted");
    let told = json(&["--caller", "alice", "--method", "GET", "--key", "uploads/alice/a.png"]);
    assert_eq!(told["answers"][0]["reads"], "confined");
}

#[test]
fn a_denial_has_its_reason_and_a_hint() {
    let (code, told) = text(&["--caller", "alice", "--method", "get", "--key", "uploads/bob/a.png"]);
    let expected = r#"
GET        deny
  answer   403 key_outside_directory
  reason   the key does not begin with the directory "uploads/alice/"
  hint     begin the key with "uploads/alice/", or send "filename" and let the server make the key
"#;
    assert!(told.ends_with(expected), "{told}");
    assert_eq!(code, Some(3));
    for (arguments, expected) in [
        (&["--method", "STS"][..], "authentication_required"),
        (&["--caller", "*", "--method", "STS"], "identity_not_allowed"),
        (&["--caller", "alice", "--method", "DELETE", "--key", "uploads/alice/a"], "method_not_granted"),
        (&["--caller", "alice", "--method", "PUT", "--key", "uploads/alice/a.png"], "missing_parameter"),
        (&["--caller", "a", "--grant", "tenant", "--method", "POST"], "grant_not_allowed"),
        (&["--caller", "a", "--grant", "tenant", "--method", "POST", "--claim", "level=3"], "claim_missing"),
    ] {
        let told = json(arguments);
        assert_eq!(
            (&told["answers"][0]["allowed"], &told["answers"][0]["problem"]["code"]),
            (&json!(false), &json!(expected))
        );
    }
}

#[test]
fn an_id_that_no_directory_takes_has_unsafe_id_as_its_remedy() {
    for id in ["auth0|64f1c0ffee0123456789abcd", "google-oauth2|103547991597142817347", "a/b"] {
        let (code, told) = text(&["--caller", id, "--method", "STS"]);
        assert!(told.contains("403 identity_not_allowed") && told.contains("unsafe_id = \"hash\""), "{told}");
        assert_eq!(code, Some(3));
    }
}

#[test]
fn the_ids_that_the_documentation_says_fit_do() {
    let page = include_str!("../../docs/callers.md");
    let rows = page.split("| provider |").nth(1).unwrap().split("\n\n").next().unwrap().lines().skip(2);
    let mut shown = 0;
    for row in rows {
        let cells: Vec<_> =
            row.replace("\\|", "\u{0}").split('|').map(|cell| cell.trim().replace('\u{0}', "|")).collect();
        for id in cells[2].split('`').skip(1).step_by(2) {
            let told = json(&["--caller", id, "--method", "STS"]);
            assert_eq!(told["answers"][0]["allowed"], cells[3].starts_with("yes"), "{id}");
            shown += 1;
        }
    }
    assert!(shown >= 8, "{shown}");
}

#[test]
fn the_operator_learns_which_rule_is_not_met_and_the_caller_does_not() {
    let told = json(&["--caller", "a", "--grant", "tenant", "--claim", "level=\"3\""]);
    assert_eq!(told["unmet"], "require[0] is not met: the claim \"level\" equals 3");
    assert!(!told["answers"][0]["problem"].to_string().contains("level"), "{told}");
    let told = json(&["--caller", "a", "--grant", "tenant", "--claim", "level=3", "--claim", "tenant=t1"]);
    assert_eq!((&told["dir"], &told["answers"][0]["allowed"]), (&json!("tenants/t1/"), &json!(true)));
}

#[test]
fn processing_and_who_names_uploads_are_explained() {
    let get = ["--caller", "alice", "--method", "get", "--key", "uploads/alice/a.png", "--process"];
    let told = json(&[&get[..], &["image/resize,w_200"]].concat());
    assert_eq!(told["keys"], "caller");
    assert_eq!(told["answers"][0]["query"]["x-oss-process"], "image/resize,w_200");
    assert!(told["answers"][0]["processAllow"].as_str().unwrap().contains("image/watermark"), "{told}");
    let (code, told) = text(&[&get[..], &["image/watermark,image_YQ"]].concat());
    assert!(code == Some(3) && told.contains("403 process_not_allowed"), "{told}");
}

#[test]
fn a_wrong_call_is_told_as_such() {
    for (arguments, code, expected) in [
        (&["--grant", "nope"][..], 1, "oss-vend: there is no grant \"nope\"; there are default, tenant"),
        (&["--claim", "a=b"], 2, "--caller <ID>"),
        (&["--caller", "a", "--claim", "a"], 2, "is not NAME=VALUE"),
        (&["--method", "PATCH"], 2, "possible values: STS, POST, PUT, GET, HEAD, DELETE"),
        (&["--config", "none.toml"], 2, "cannot be used multiple times"),
    ] {
        let output = explain(arguments);
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{told}");
        assert!(told.contains(expected), "{told}");
    }
}
