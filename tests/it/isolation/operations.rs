//! Every operation of OSS that credentials could be used for, with whatever could lead from one caller to another.

use super::world::{Attacker, Call, Victim, encoded};

/// What the attacker may try on objects and on the bucket.
pub(super) fn all(attacker: &Attacker, victim: &Victim) -> Vec<Call> {
    let own = ["own", "link", "chain", "copy", "appended", "parts"].map(|name| format!("{}{name}", attacker.dir));
    let foreign = [victim.secret.clone(), victim.upload.clone(), victim.dir.clone(), format!("{}new", victim.dir)];
    let mut calls = planting(attacker, victim);
    for key in own.iter().chain(&foreign) {
        calls.extend(on_object(key, victim));
    }
    calls.extend(on_bucket(attacker, victim));
    calls
}

/// What leaves something in the attacker's own directory that leads to the victim's objects.
pub(super) fn planting(attacker: &Attacker, victim: &Victim) -> Vec<Call> {
    let own = |name: &str| Some(format!("{}{name}", attacker.dir));
    let source = |key: &str| format!("/examplebucket/{}", encoded(key));
    let link = |name: &str, target: &str| {
        Call::new("PUT", own(name)).query("symlink", "").header("x-oss-symlink-target", &encoded(target))
    };
    let link_key = format!("{}link", attacker.dir);
    let version = format!("{}?versionId={}", source(&victim.secret), victim.version);
    vec![
        Call::new("PUT", own("own")).body("own"),
        link("link", &victim.secret),
        link("chain", &link_key),
        link("hidden", &format!("{}upload", victim.dir)),
        Call::new("PUT", own("copy")).header("x-oss-copy-source", &source(&victim.secret)),
        Call::new("PUT", own("copy")).header("x-oss-copy-source", &version),
        Call::new("PUT", own("copied-link")).header("x-oss-copy-source", &source(&link_key)),
        Call::new("POST", own("appended")).query("append", "").query("position", "0").body("own"),
    ]
}

/// Each operation on one object.
fn on_object(key: &str, victim: &Victim) -> Vec<Call> {
    let on = |method| Call::new(method, Some(key.to_owned()));
    let secret = format!("/examplebucket/{}", encoded(&victim.secret));
    let part = |call: Call| call.query("partNumber", "1").query("uploadId", &victim.upload_id);
    let acl = |call: Call| call.header("x-oss-object-acl", "public-read");
    let complete =
        "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>x</ETag></Part></CompleteMultipartUpload>";
    let tags = "<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>";
    vec![
        on("GET"),
        on("HEAD"),
        on("GET").header("range", "bytes=0-3"),
        on("GET").header("if-none-match", "\"5EBE2294ECD0E0F08EAB7690D2A6EE69\""),
        on("GET").query("versionId", &victim.version),
        on("GET").query("x-oss-process", "image/info"),
        on("GET").query("acl", ""),
        on("GET").query("tagging", ""),
        on("GET").query("symlink", ""),
        on("HEAD").query("objectMeta", ""),
        on("GET").query("uploadId", &victim.upload_id),
        on("POST").query("uploads", ""),
        acl(on("POST").query("uploads", "")),
        part(on("PUT")).body("forged"),
        part(on("PUT")).header("x-oss-copy-source", &secret),
        on("POST").query("uploadId", &victim.upload_id).body(complete),
        on("POST").query("uploadId", &victim.upload_id).header("x-oss-complete-all", "yes"),
        on("DELETE").query("uploadId", &victim.upload_id),
        on("POST").query("append", "").query("position", "0").body("forged"),
        on("PUT").body("forged"),
        acl(on("PUT")).body("forged"),
        on("PUT").header("x-oss-object-acl", "public-read-write").body("forged"),
        on("PUT").header("x-oss-tagging", "a=b").body("forged"),
        on("PUT").header("x-oss-copy-source", &secret),
        acl(on("PUT").query("acl", "")),
        on("PUT").query("tagging", "").body(tags),
        on("DELETE").query("tagging", ""),
        on("POST").query("restore", ""),
        on("POST").query("x-oss-process", "").body("x-oss-process=image/resize,w_1|sys/saveas,o_eA"),
        on("DELETE").query("versionId", &victim.version),
        on("DELETE"),
    ]
}

/// Each operation on the bucket; listings with what could widen them.
fn on_bucket(attacker: &Attacker, victim: &Victim) -> Vec<Call> {
    let bucket = |method| Call::new(method, None);
    let parent = attacker.dir.trim_end_matches('/');
    let parent = parent.rsplit_once('/').map_or("", |(parent, _)| parent);
    let prefixes = ["", "/", "*", parent, victim.dir.as_str(), victim.dir.trim_end_matches('/'), attacker.dir.as_str()];
    let mut calls = Vec::new();
    for prefix in prefixes {
        let listed = || bucket("GET").query("prefix", prefix);
        calls.extend([
            listed(),
            listed().query("delimiter", "/"),
            listed().query("delimiter", "/").query("marker", &victim.dir),
            listed().query("list-type", "2").query("start-after", &victim.dir),
            listed().query("list-type", "2").query("delimiter", &victim.dir),
            listed().query("versions", ""),
            listed().query("uploads", ""),
        ]);
    }
    let delete = format!("<Delete><Object><Key>{}</Key></Object></Delete>", victim.secret);
    calls.extend([
        bucket("GET"),
        bucket("GET").query("list-type", "2"),
        bucket("POST").query("delete", "").body(&delete),
        bucket("PUT").query("acl", "").header("x-oss-acl", "public-read"),
        bucket("PUT").query("policy", "").body("{}"),
        bucket("DELETE"),
    ]);
    calls
}
