//! Two identities never meet. The judge is the emulated cloud, which is asked for every operation that it has, with links,
//! copies, uploads in parts, old versions and ACLs in between.

mod operations;
mod privacy;
mod world;

use std::collections::BTreeSet;

use oss_vend::emulator::Readings;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use reqwest::Method;

use self::world::{Attacker, Call, Layout, Victim, World};
use crate::attacks::two;
use crate::support::Answer;

/// One grant for everything.
macro_rules! whole {
    ($dir:literal, $more:literal) => {
        concat!(
            "[grants.own]\ndir = \"",
            $dir,
            "\"\nsignature_versions = [\"v4\", \"v1\"]\n",
            "methods = [\"sts\", \"post\", \"put\", \"get\", \"get-version\", \"head\", \"delete\", \"list\"]\n",
            $more
        )
    };
}

const OWN: Layout =
    Layout { grants: whole!("suppliers/${caller.id}/", ""), writer: "own", reader: "own", prefix: "", signature: "v4" };

const LAYOUTS: [Layout; 9] = [
    OWN,
    Layout { grants: whole!("suppliers/${caller.id}/", "session_name = \"vend-${caller.id}\"\n"), ..OWN },
    Layout { grants: whole!("${caller.id}/", ""), ..OWN },
    Layout { grants: whole!("tenants/${caller.claims.tenant}/", ""), ..OWN },
    Layout { grants: whole!("days/${date}/${caller.id}/", ""), ..OWN },
    Layout { grants: whole!("hashed/${caller.id}/", "unsafe_id = \"hash\"\n"), prefix: "auth0|", ..OWN },
    Layout { grants: whole!("old/${caller.id}/", ""), signature: "v1", ..OWN },
    Layout {
        grants: "[grants.write]\ndir = \"in/${caller.id}/\"\nmethods = [\"sts\", \"put\", \"post\"]\n\
                 [grants.read]\ndir = \"in/${caller.id}/\"\nmethods = [\"get\", \"get-version\", \"head\"]\n",
        writer: "write",
        reader: "read",
        ..OWN
    },
    Layout {
        grants: "[grants.write]\ndir = \"in/${caller.id}/new/\"\nmethods = [\"sts\", \"put\", \"post\"]\n\
                 [grants.read]\ndir = \"in/${caller.id}/\"\nmethods = [\"get\", \"get-version\", \"head\"]\n",
        writer: "write",
        reader: "read",
        ..OWN
    },
];

/// Both readings of the documentation: an ACL at an upload needs a right of its own, or none.
fn readings() -> [Readings; 2] {
    [true, false].map(|needed| Readings { acl_needs_put_object_acl: needed, ..Readings::default() })
}

#[tokio::test]
async fn a_link_to_another_callers_object_is_not_followed_by_a_signed_read() {
    for layout in LAYOUTS {
        let world = World::of(layout, Readings::default()).await;
        let (attacker, victim) = (world.attacker("one").await, world.victim("two").await);
        for call in operations::planting(&attacker, &victim).into_iter().take(2) {
            let planted = world.send(&attacker.access_key, &call).await;
            assert_eq!(planted.status, 200, "{layout:?}: {}", planted.text);
        }
        let own_link = Call::new("PUT", Some(format!("{}honest", attacker.dir))).query("symlink", "");
        let own_link = own_link.header("x-oss-symlink-target", &world::encoded(&format!("{}own", attacker.dir)));
        let planted = world.send(&attacker.access_key, &own_link).await;
        for method in ["GET", "HEAD"] {
            let versions = format!("&versionId={}", planted.header("x-oss-version-id"));
            for (name, more, status) in [("link", "", 403), ("honest", "", 200), ("honest", versions.as_str(), 200)] {
                let read = read(&world, &attacker, method, &format!("{}{name}", attacker.dir), more).await;
                assert_eq!(read.status, status, "{layout:?} {method} {name}: {}", read.text);
                assert!(!victim.is_told_by(&read), "{layout:?} {method} {name}");
            }
        }
        let read = read(&world, &attacker, "GET", &format!("{}link", attacker.dir), "").await;
        assert_eq!(read.oss_code(), "AccessDenied", "{layout:?}");
    }
}

#[tokio::test]
async fn no_operation_that_is_vended_reaches_another_caller() {
    for (layout, readings) in LAYOUTS.into_iter().chain([OWN]).zip(readings().into_iter().cycle()) {
        let world = World::of(layout, readings).await;
        let (attacker, victim) = (world.attacker("one").await, world.victim("two").await);
        let before = world.state_of(&victim).await;
        let calls = operations::all(&attacker, &victim);
        for call in &calls {
            attempt(&world, &attacker, &victim, call).await;
        }
        for call in operations::planting(&attacker, &victim) {
            attempt(&world, &attacker, &victim, &call).await;
        }
        signed_reads_stay(&world, &attacker, &victim).await;
        privacy::signed_uploads_stay(&world, &attacker, &victim).await;
        assert_eq!(world.state_of(&victim).await, before, "{layout:?}");
        privacy::nothing_is_public(&world).await;
    }
}

#[test]
fn no_series_of_operations_reaches_another_caller() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let worlds: Vec<_> = LAYOUTS
        .into_iter()
        .zip(readings().into_iter().cycle())
        .map(|(layout, readings)| runtime.block_on(World::of(layout, readings)))
        .collect();
    let config = ProptestConfig { cases: 27, failure_persistence: None, ..ProptestConfig::default() };
    let series = prop::collection::vec(any::<prop::sample::Index>(), 1..24);
    let outcome = TestRunner::new(config).run(&(two(), any::<prop::sample::Index>(), series), |(ids, at, series)| {
        let world = at.get(&worlds);
        world.server.advance(1); // the calls of STS are rationed
        runtime.block_on(async {
            let (attacker, victim) = (world.attacker(&ids.0).await, world.victim(&ids.1).await);
            let before = world.state_of(&victim).await;
            let calls = operations::all(&attacker, &victim);
            for index in &series {
                attempt(world, &attacker, &victim, index.get(&calls)).await;
            }
            signed_reads_stay(world, &attacker, &victim).await;
            assert_eq!(world.state_of(&victim).await, before, "{ids:?} in {:?}", world.layout);
            privacy::nothing_is_public(world).await;
        });
        Ok(())
    });
    outcome.unwrap_or_else(|error| panic!("{error}"));
}

/// Sends `call` with the attacker's credentials. It tells nothing of the victim, and whatever names a key of the victim's
/// is refused in the same way whether there is something or not.
async fn attempt(world: &World, attacker: &Attacker, victim: &Victim, call: &Call) {
    let answer = world.send(&attacker.access_key, call).await;
    assert!(!victim.is_told_by(&answer), "{call:?} in {:?}: {}", world.layout, answer.text);
    if call.key.as_ref().is_some_and(|key| key.starts_with(&victim.dir)) {
        let status = answer.status.as_u16();
        assert!([400, 403, 405, 501].contains(&status), "{call:?} in {:?}: {status} {}", world.layout, answer.text);
    }
}

/// Reads whatever is in the attacker's directory through URLs of the server.
async fn signed_reads_stay(world: &World, attacker: &Attacker, victim: &Victim) {
    let names = ["own", "link", "chain", "hidden", "copy", "copied-link", "appended", "parts"];
    let known: BTreeSet<_> = names.iter().map(|name| format!("{}{name}", attacker.dir)).collect();
    for key in world.keys().await.into_iter().filter(|key| key.starts_with(&attacker.dir)).chain(known) {
        for method in ["GET", "HEAD"] {
            for more in ["", "&versionId=null"] {
                let answer = read(world, attacker, method, &key, more).await;
                assert!(!victim.is_told_by(&answer), "{method} {key}{more} in {:?}", world.layout);
            }
        }
    }
    let path =
        format!("/presigned-url?grant={}&method=GET&key={}", world.layout.reader, world::encoded(&victim.secret));
    let refused = world.ask(&attacker.user, &path).await;
    assert_eq!(refused.problem(), (403, "key_outside_directory".to_owned()), "{:?}", world.layout);
}

/// What OSS answers to a URL that the server signs for a read.
async fn read(world: &World, attacker: &Attacker, method: &str, key: &str, more: &str) -> Answer {
    let Layout { reader, signature, .. } = world.layout;
    // The old signature is refused by the grants that have not asked for it.
    let version = if signature == "v1" { "&signatureVersion=v1" } else { "" };
    let path = format!("/presigned-url?grant={reader}&method={method}{version}&key={}{more}", world::encoded(key));
    let signed = world.ask(&attacker.user, &path).await.json();
    let method: Method = method.parse().unwrap();
    Answer::of(world.server.http.request(method, signed["url"].as_str().unwrap())).await
}
