#![no_main]

use chrono::DateTime;
use libfuzzer_sys::fuzz_target;
use oss_vend::caller::Caller;
use oss_vend::policy::template::{Filling, Place};
use oss_vend::policy::{Template, Unfillable, UnsafeId};
use serde_json::{Map, Value};

// A template, an identity and a file's name, one a line.
fuzz_target!(|text: &str| {
    let mut lines = text.splitn(3, '\n');
    let [template, id, filename] = [(); 3].map(|()| lines.next().unwrap_or_default());
    for place in [Place::Directory, Place::Key, Place::SessionName, Place::Policy] {
        let Ok(template) = Template::parse(template, place) else { continue };
        let claims = Map::from_iter([("a".to_owned(), Value::from(id))]);
        for caller in [Caller::anonymous(), Caller::known(id, claims)] {
            check(&template, place, &caller, filename);
        }
    }
});

/// What is filled in neither leaves its segment nor passes the length that was announced.
fn check(template: &Template, place: Place, caller: &Caller, filename: &str) {
    let filling = Filling {
        caller,
        now: DateTime::UNIX_EPOCH,
        uuid: "00000000-0000-4000-8000-000000000000",
        unverified_filename: filename,
        bucket: "bucket",
        dir: "d/",
        unsafe_id: UnsafeId::Refuse,
    };
    let longest = template.longest("bucket", "d/");
    match template.fill(&filling) {
        Ok(filled) => {
            assert!(filled.len() <= longest.len());
            assert_eq!(filled.matches('/').count(), longest.matches('/').count());
            assert!(place == Place::Key || filled.matches(['*', '?']).count() == longest.matches(['*', '?']).count());
            assert!(caller.id().is_some() || !template.names_caller());
        }
        Err(Unfillable::Anonymous) => assert!(caller.id().is_none() && template.names_caller()),
        Err(_) => {}
    }
}
