//! Hundreds of forms with chance policies: what we make of the same conditions equals what the SDK made.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use oss_vend::signing::{post, v4};
use serde::Deserialize;
use serde_json::Value;

use super::generated::read_one;
use super::vectors::Credentials;
use super::{access_key, conditions_of, holds_but_for_order};

/// A form: what it was to hold, and every field that the SDK's signature belongs to.
#[derive(Deserialize)]
struct SignedForm {
    now: i64,
    #[serde(flatten)]
    credentials: Credentials,
    region: String,
    expiration: DateTime<Utc>,
    conditions: Vec<Value>,
    fields: BTreeMap<String, String>,
}

impl SignedForm {
    fn is(&self, ours: &post::Form<'_>) {
        let policy = |text: &str| String::from_utf8(STANDARD.decode(text).unwrap()).unwrap();
        assert_eq!(policy(&ours.policy()), policy(&self.fields["policy"]));
        let fields: BTreeMap<_, _> = ours.fields().map(|(name, value)| (name.to_owned(), value.into_owned())).collect();
        assert_eq!(fields, self.fields);
    }
}

#[test]
fn generated_v1_forms_are_those_of_the_sdk() {
    for case in read_one::<SignedForm>("node_post_v1") {
        let conditions = conditions_of(&case.conditions).unwrap();
        case.is(&post::sign_v1(&conditions, case.expiration, &access_key(&case.credentials)));
    }
}

#[test]
fn generated_v4_forms_are_those_of_the_sdk() {
    for case in read_one::<SignedForm>("node_post_v4") {
        let now = DateTime::from_timestamp(case.now, 0).unwrap();
        let signer = v4::Signer::new(&access_key(&case.credentials), &case.region, "oss", now.date_naive());
        let conditions = conditions_of(&case.conditions).unwrap();
        let policy = String::from_utf8(STANDARD.decode(&case.fields["policy"]).unwrap()).unwrap();
        holds_but_for_order(&post::sign_v4(conditions, case.expiration, &signer, now), &signer, &policy, &case.fields);
    }
}
