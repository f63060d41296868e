//! Templates, parsed and filled.

use chrono::DateTime;
use serde_json::json;

use super::*;
use crate::caller::Caller;

fn fill(text: &str, caller: &Caller, filename: &str) -> Result<String, Unfillable> {
    let now = DateTime::from_timestamp(1_769_817_600, 0).unwrap();
    let unsafe_id = UnsafeId::Refuse;
    let filling =
        Filling { caller, unsafe_id, now, uuid: "u-1", unverified_filename: filename, bucket: "b", dir: "d/" };
    Template::parse(text, Place::Key).unwrap().fill(&filling)
}

fn known(id: &str) -> Caller {
    Caller::known(id, json!({ "tenant": "t1", "level": 3, "odd": "a/b" }).as_object().unwrap().clone())
}

#[test]
fn every_slot_is_filled() {
    let filled =
        fill("${caller.id}/${caller.claims.tenant}/${date}/${uuid}${ext}-${filename}", &known("u42"), "A b.PNG");
    assert_eq!(filled.unwrap(), "u42/t1/2026-01-31/u-1.png-A b.PNG");
}

#[test]
fn an_identity_that_could_leave_its_place_is_refused() {
    for id in ["", "*", "?", ".", "..", "../x", "a/b", "a%2Fb", "${filename}", "ａ", "a\0", "a\r\n", &"x".repeat(129)]
    {
        assert_eq!(fill("${caller.id}", &known(id), ""), Err(Unfillable::UnsafeIdentity("id".into())), "{id:?}");
    }
    assert_eq!(fill("${caller.id}", &known(&"x".repeat(128)), "").unwrap().len(), 128);
}

#[test]
fn an_odd_id_may_be_hashed_and_nobody_is_named_like_a_hash() {
    let template = Template::parse("${caller.id}/", Place::Directory).unwrap();
    let dir = |id: &str| {
        let caller = known(id);
        let now = DateTime::UNIX_EPOCH;
        let unsafe_id = UnsafeId::Hash;
        let filling =
            Filling { caller: &caller, unsafe_id, now, uuid: "", unverified_filename: "", bucket: "", dir: "" };
        template.fill(&filling)
    };
    assert_eq!(dir("u42").unwrap(), "u42/");
    // printf %s 'auth0|42' | sha256sum
    assert_eq!(dir("auth0|42").unwrap(), "141ba0724f1ecd25c94cb22fc05a2013/");
    for id in ["*", "..", "a/b", "ａ", "a\0", &"x".repeat(129)] {
        let hashed = dir(id).unwrap();
        assert!(hashed.len() == 33 && hashed.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'/'), "{hashed}");
        let taken = dir(hashed.trim_end_matches('/')).unwrap();
        assert_ne!(taken, hashed, "{id}");
    }
    assert_eq!(dir(""), Err(Unfillable::UnsafeIdentity("id".into())));
}

#[test]
fn a_claim_must_be_a_text_that_fits() {
    assert_eq!(fill("${caller.claims.level}", &known("a"), ""), Err(Unfillable::NoClaim("level".into())));
    assert_eq!(fill("${caller.claims.none}", &known("a"), ""), Err(Unfillable::NoClaim("none".into())));
    assert_eq!(fill("${caller.claims.odd}", &known("a"), ""), Err(Unfillable::UnsafeIdentity("odd".into())));
    assert_eq!(fill("${caller.claims.tenant}", &Caller::anonymous(), ""), Err(Unfillable::Anonymous));
}

#[test]
fn an_odd_extension_is_left_out_and_an_odd_name_refused() {
    for (name, ext) in [("a.tar.gz", ".gz"), ("a", ""), (".bashrc", ""), ("a.", ""), ("a.p/g", ""), ("a.JPEG", ".jpeg")]
    {
        assert_eq!(fill("${ext}", &known("a"), name).unwrap(), ext, "{name}");
    }
    for name in ["", "a/b", "a\\b", "..", "a\n", &"x".repeat(256)] {
        assert_eq!(fill("${filename}", &known("a"), name), Err(Unfillable::UnsafeFilename), "{name:?}");
    }
    assert_eq!(fill("${filename}", &known("a"), "what?*.txt").unwrap(), "what?*.txt");
}

#[test]
fn a_slot_that_does_not_belong_is_refused_at_start() {
    for (text, place) in [
        ("${callerid}", Place::Directory),
        ("${uuid}/", Place::Directory),
        ("${caller.claims.}", Place::Key),
        ("${dir}", Place::SessionName),
    ] {
        assert!(matches!(Template::parse(text, place), Err(InvalidTemplate::UnknownSlot { .. })), "{text}");
    }
    assert_eq!(Template::parse("a${b", Place::Key), Err(InvalidTemplate::Unclosed));
}
