//! Nothing that is vended makes an object public, nor writes for another caller by what is added to a URL or form.

use oss_vend::emulator::Readings;
use reqwest::Method;

use super::world::{Attacker, Call, Layout, Victim, World, encoded};
use super::{OWN, readings};
use crate::forms::submit;
use crate::support::Answer;

const PUBLIC: [&str; 2] = ["public-read", "public-read-write"];

/// A policy file that allows every action in the directory.
const FILE: &str =
    r#"{"Version":"1","Statement":[{"Effect":"Allow","Action":"oss:*","Resource":"acs:oss:*:*:${bucket}/${dir}*"}]}"#;

#[tokio::test]
async fn no_upload_that_is_vended_makes_an_object_public() {
    let folder = tempfile::TempDir::new().unwrap();
    let file = folder.path().join("policy.json");
    std::fs::write(&file, FILE).unwrap();
    let by_file =
        format!("[grants.own]\ndir = \"file/${{caller.id}}/\"\nmethods = [\"sts\", \"post\"]\npolicy = {file:?}\n");
    let by_file = Layout { grants: Box::leak(by_file.into_boxed_str()), ..OWN };
    for (layout, readings) in
        [OWN, by_file].into_iter().flat_map(|layout| readings().map(|readings| (layout, readings)))
    {
        let world = World::of(layout, readings).await;
        let attacker = world.attacker("one").await;
        for acl in PUBLIC {
            credentials_keep_objects_private(&world, &attacker, acl).await;
            forms_keep_objects_private(&world, &attacker, acl).await;
        }
        nothing_is_public(&world).await;
    }
}

#[tokio::test]
async fn private_acls_are_allowed_in_uploads() {
    let world = World::of(OWN, Readings { acl_needs_put_object_acl: false, ..Readings::default() }).await;
    let attacker = world.attacker("one").await;
    for acl in ["private", "default"] {
        let call = Call::new("PUT", Some(format!("{}x", attacker.dir))).header("x-oss-object-acl", acl).body("x");
        let answer = world.send(&attacker.access_key, &call).await;
        assert_eq!(answer.status, 200, "{acl}: {}", answer.text);
    }
}

async fn credentials_keep_objects_private(world: &World, attacker: &Attacker, acl: &str) {
    let own = |name: &str| Some(format!("{}{name}", attacker.dir));
    let plain = world.send(&attacker.access_key, &Call::new("PUT", own("x")).body("x")).await;
    assert_eq!(plain.status, 200, "{}", plain.text);
    let source = format!("/examplebucket/{}x", encoded(&attacker.dir));
    let calls = [
        Call::new("PUT", own("put")).body("x"),
        Call::new("POST", own("append")).query("append", "").query("position", "0").body("x"),
        Call::new("POST", own("parts")).query("uploads", ""),
        Call::new("PUT", own("copy")).header("x-oss-copy-source", &source),
        Call::new("PUT", own("link")).query("symlink", "").header("x-oss-symlink-target", "x"),
        Call::new("PUT", own("x")).query("acl", ""),
    ];
    for call in calls {
        let answer = world.send(&attacker.access_key, &call.clone().header("x-oss-object-acl", acl)).await;
        assert_eq!((answer.status.as_u16(), answer.oss_code()), (403, "AccessDenied"), "{acl} {call:?}");
    }
    // The ACL of an upload in parts may be given where it ends, too.
    let begun = world.send(&attacker.access_key, &Call::new("POST", own("parts")).query("uploads", "")).await;
    let id = begun.text.split_once("<UploadId>").unwrap().1.split_once('<').unwrap().0;
    let part = Call::new("PUT", own("parts")).query("partNumber", "1").query("uploadId", id).body("x");
    assert_eq!(world.send(&attacker.access_key, &part).await.status, 200);
    let end = Call::new("POST", own("parts")).query("uploadId", id).header("x-oss-complete-all", "yes");
    let answer = world.send(&attacker.access_key, &end.header("x-oss-object-acl", acl)).await;
    assert_eq!((answer.status.as_u16(), answer.oss_code()), (403, "AccessDenied"), "{acl}: {}", answer.text);
}

async fn forms_keep_objects_private(world: &World, attacker: &Attacker, acl: &str) {
    let form = world.ask(&attacker.user, "/post-signature?grant=own").await.json();
    let key = format!("{}form", attacker.dir);
    let file = ("x", "text/plain", &b"x"[..]);
    let plain = submit(&world.server, &form, &[("key", &key)], file).await;
    assert_eq!(plain.status, 200, "{}", plain.text);
    let answer = submit(&world.server, &form, &[("key", &key), ("x-oss-object-acl", acl)], file).await;
    assert_eq!((answer.status.as_u16(), answer.oss_code()), (403, "AccessDenied"), "{acl}: {}", answer.text);
}

/// Adds to a URL and to a form what would make of an upload something else.
pub(super) async fn signed_uploads_stay(world: &World, attacker: &Attacker, victim: &Victim) {
    let Layout { writer, .. } = world.layout;
    let key = format!("{}signed", attacker.dir);
    let path = format!("/presigned-url?grant={writer}&key={}&contentType=text/plain", encoded(&key));
    let url = world.ask(&attacker.user, &path).await.json()["url"].as_str().unwrap().to_owned();
    let secret = format!("/examplebucket/{}", encoded(&victim.secret));
    let target = encoded(&victim.secret);
    for (more, header, value) in [
        ("", "x-oss-copy-source", secret.as_str()),
        ("", "x-oss-object-acl", "public-read"),
        ("", "x-oss-symlink-target", &target),
        ("&symlink", "x-oss-symlink-target", &target),
        ("&acl", "x-oss-object-acl", "public-read"),
        ("&append&position=0", "x-oss-meta-a", "b"),
    ] {
        let request = world.server.http.put(format!("{url}{more}")).header("content-type", "text/plain");
        let answer = Answer::of(request.header(header, value).body("x")).await;
        assert!(answer.status.is_client_error(), "{header}{more}: {}", answer.text);
    }
    let form = world.ask(&attacker.user, &format!("/post-signature?grant={writer}")).await.json();
    let file = ("x", "text/plain", &b"x"[..]);
    for (field, value) in [("key", victim.secret.as_str()), ("x-oss-object-acl", "public-read")] {
        let change = [("key", key.as_str()), (field, value)];
        let answer = submit(&world.server, &form, if field == "key" { &change[1..] } else { &change }, file).await;
        assert_eq!((answer.status.as_u16(), answer.oss_code()), (403, "AccessDenied"), "{field}");
    }
}

/// Without a signature nothing can be read, whatever was done before.
pub(super) async fn nothing_is_public(world: &World) {
    for key in world.keys().await {
        for method in [Method::GET, Method::HEAD] {
            let answer = world.unsigned(method.clone(), &key).await;
            assert_eq!(answer.status, 403, "{method} {key}: {}", answer.text);
        }
    }
}
