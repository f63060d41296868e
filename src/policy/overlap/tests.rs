//! Which pairs of grants overlap, by a table and against callers that are made up.

use chrono::{DateTime, Utc};
use proptest::prelude::*;
use serde_json::{Map, Value};

use super::*;
use crate::caller::Caller;
use crate::policy::ClaimValue;
use crate::policy::audience::{Rule, Test};
use crate::policy::template::{Filling, Place};

fn template(dir: &str) -> Template {
    Template::parse(dir, Place::Directory).unwrap()
}

fn listed(ids: &[&str]) -> Audience {
    Audience { callers: Some(ids.iter().map(|id| (*id).to_owned()).collect()), rules: Vec::new() }
}

fn reach<'g>(name: &'g str, dir: &str, audience: &'g Audience) -> Reach<'g> {
    let segments = template(dir).segments();
    Reach { name, bucket: "examplebucket", audience, unsafe_id: UnsafeId::Refuse, segments }
}

/// Why the first reaches the second, and the second the first.
fn between(one: (&str, &Audience), other: (&str, &Audience)) -> [Option<OverlapReason>; 2] {
    let grants = [reach("one", one.0, one.1), reach("other", other.0, other.1)];
    let found = find(&grants);
    ["one", "other"].map(|name| found.iter().find(|overlap| overlap.grant == name).map(|overlap| overlap.reason))
}

#[test]
fn directories_that_meet_are_found_with_the_reason() {
    use OverlapReason::{ContainsCallers, SameNames};
    let all = Audience::default();
    for (one, other, expected) in [
        ("uploads/", "avatars/", [None, None]),
        ("uploads/", "uploads2/", [None, None]),
        ("uploads/", "uploads/", [None, None]),
        ("uploads/", "uploads/images/", [None, None]),
        ("uploads/", "uploads/avatars/${caller.id}/", [Some(ContainsCallers), None]),
        ("", "users/${caller.id}/", [Some(ContainsCallers), None]),
        ("uploads/${date}/", "uploads/avatars/${caller.id}/", [None, None]),
        ("uploads/${date}/", "uploads/${caller.id}/", [Some(SameNames), Some(SameNames)]),
        ("uploads/${date}/", "uploads/${date}/", [None, None]),
        ("uploads/${date}/", "uploads/${date}/${caller.id}/", [Some(ContainsCallers), None]),
        ("users/${caller.id}/", "users/${caller.id}/", [None, None]),
        ("users/${caller.id}/", "users/${caller.id}/private/", [None, None]),
        ("users/${caller.id}/", "users/${caller.claims.tenant}/", [Some(SameNames), Some(SameNames)]),
        ("users/${caller.id}/", "users/public/", [Some(SameNames), Some(SameNames)]),
        ("users/${caller.id}/", "users/public/images/", [Some(SameNames), Some(SameNames)]),
        ("users/u-${caller.id}/", "users/public/", [None, None]),
        ("users/u-${caller.id}/", "users/t-${caller.claims.tenant}/", [None, None]),
        ("t/${caller.claims.tenant}/", "t/${caller.claims.tenant}/", [None, None]),
        ("t/${caller.claims.tenant}/", "t/${caller.claims.tenant}/reports/", [None, None]),
        ("t/${caller.claims.tenant}/", "t/${caller.claims.tenant}/${caller.id}/", [Some(ContainsCallers), None]),
        ("t/${caller.claims.tenant}/", "t/${caller.claims.team}/", [Some(SameNames), Some(SameNames)]),
        ("${caller.id}/a/", "${caller.id}/b/", [None, None]),
        ("${caller.id}/a/", "${caller.claims.tenant}/b/", [None, None]),
    ] {
        assert_eq!(between((one, &all), (other, &all)), expected, "{one} {other}");
    }
}

#[test]
fn a_directory_in_another_is_for_no_fewer_callers() {
    use OverlapReason::WiderAudience;
    let (all, staff) = (Audience::default(), listed(&["a", "b"]));
    let reordered = listed(&["b", "a"]);
    for (one, other, expected) in [
        (("docs/", &staff), ("docs/", &reordered), [None, None]),
        (("docs/", &all), ("docs/", &staff), [Some(WiderAudience), None]),
        (("docs/", &all), ("docs/staff/", &staff), [Some(WiderAudience), None]),
        (("docs/", &staff), ("docs/public/", &all), [None, None]),
        (("docs/${date}/", &all), ("docs/2026-01-01/", &staff), [Some(WiderAudience), None]),
        (("t/${caller.claims.t}/", &all), ("t/${caller.claims.t}/", &staff), [Some(WiderAudience), None]),
        (("users/${caller.id}/", &all), ("users/${caller.id}/", &staff), [None, None]),
    ] {
        assert_eq!(between(one, other), expected, "{} {}", one.0, other.0);
    }
}

#[test]
fn ids_that_are_written_differently_are_not_one_directory() {
    let all = Audience::default();
    let hashed = Reach { unsafe_id: UnsafeId::Hash, ..reach("hashed", "users/${caller.id}/", &all) };
    let plain = reach("plain", "users/${caller.id}/", &all);
    let found = find(&[hashed, plain]);
    assert_eq!(found.len(), 2);
    assert!(found.iter().all(|overlap| overlap.reason == OverlapReason::DifferentIds));
}

#[test]
fn buckets_are_apart() {
    let all = Audience::default();
    let elsewhere = Reach { bucket: "anotherbucket", ..reach("elsewhere", "", &all) };
    assert_eq!(find(&[elsewhere, reach("users", "users/${caller.id}/", &all)]), []);
}

fn segment() -> impl Strategy<Value = String> {
    let slots = ["a", "b", "2026-01-01", "${caller.id}", "${caller.claims.t}", "${date}"];
    let mixed = ["a-${caller.id}", "${caller.id}-a", "a-${caller.claims.t}", "${date}-a", "a-a"];
    prop::sample::select([&slots[..], &mixed].concat()).prop_map(str::to_owned)
}

fn directory() -> impl Strategy<Value = String> {
    prop::collection::vec(segment(), 0..4).prop_map(|segments| segments.into_iter().map(|text| text + "/").collect())
}

fn caller() -> impl Strategy<Value = Caller> {
    let name = || prop::sample::select(vec!["a", "b", "a-a", "2026-01-01", "2026-01-01-a"]);
    (name(), name()).prop_map(|(id, tenant)| {
        let claims = Map::from_iter([("t".to_owned(), Value::from(tenant))]);
        Caller::known(id, claims)
    })
}

fn filled(dir: &str, caller: &Caller) -> String {
    let now: DateTime<Utc> = "2026-01-01T00:00:00Z".parse().unwrap();
    let unsafe_id = UnsafeId::Refuse;
    let filling = Filling { caller, unsafe_id, now, uuid: "", unverified_filename: "", bucket: "", dir: "" };
    template(dir).fill(&filling).unwrap()
}

/// Everyone, some callers by id, or those with some claim.
fn audience() -> impl Strategy<Value = Audience> {
    let ids = prop::option::of(prop::collection::vec(prop::sample::select(vec!["a", "b", "a-a"]), 1..3));
    let values = prop::collection::vec(prop::sample::select(vec!["a", "b", "a-a"]), 0..3);
    (ids, values).prop_map(|(ids, values)| {
        let values: Vec<_> = values.into_iter().map(|text| ClaimValue::Text(text.to_owned())).collect();
        let rule = Rule { claim: "t".to_owned(), test: Test::AnyOf(values.clone()) };
        let callers = ids.map(|ids| ids.into_iter().map(str::to_owned).collect());
        Audience { callers, rules: if values.is_empty() { Vec::new() } else { vec![rule] } }
    })
}

proptest! {
    /// A caller that a shared directory is not for has it in no directory of its own, unless an overlap is reported.
    #[test]
    fn no_caller_that_a_grant_refuses_reaches_its_directory_by_another(
        (one, other) in (directory(), directory()),
        (these, those) in (audience(), audience()),
        alice in caller(),
    ) {
        prop_assume!(!other.contains("caller"));
        let (admitted, refused) = (these.admit(&alice).is_ok(), those.admit(&alice).is_err());
        if admitted && refused && filled(&other, &alice).starts_with(&filled(&one, &alice)) {
            let [found, _] = between((&one, &these), (&other, &those));
            prop_assert!(found.is_some(), "{one} {these:?} {other} {those:?}");
        }
    }

    /// Whatever two callers are called, one reaches a directory that names the other only where an overlap is reported.
    #[test]
    fn no_overlap_of_two_callers_is_overlooked(
        (one, other) in (directory(), directory()),
        (alice, bob) in (caller(), caller()),
    ) {
        prop_assume!(alice.id() != bob.id());
        let owned = other.contains("${caller.id}");
        let (reached, own) = (filled(&one, &alice), filled(&other, &bob));
        if owned && (own.starts_with(&reached) || reached.starts_with(&own)) {
            let all = Audience::default();
            let [found, _] = between((&one, &all), (&other, &all));
            prop_assert!(found.is_some(), "{one} {other} {reached} {own}");
        }
    }
}
