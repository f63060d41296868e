//! `[vault.redis]` as it is written, and as it is written wrongly.

use super::{Folder, LEAST, load};
use crate::replicas::Mode;

const KEY: &str = "a:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

fn with(redis: &str) -> String {
    format!("{LEAST}[vault.redis]\n{redis}")
}

#[test]
fn an_address_and_a_key_are_enough() {
    let text = with(&format!("urls = [\"redis://127.0.0.1:6379/2\"]\nsealing_keys = [\"{KEY}\"]"));
    let options = load(&text, &[]).build().unwrap().replicas.unwrap();
    assert_eq!((options.urls.len(), options.mode, options.prefix.as_str()), (1, Mode::Single, "oss-vend"));
    assert_eq!(options.sealing_keys[0].id, "a");
    assert!(load(LEAST, &[]).build().unwrap().replicas.is_none());
}

#[test]
fn the_environment_says_it_too() {
    let keys = format!("b:AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=,{KEY}");
    let variables = [
        ("OSS_VEND__VAULT__REDIS__URLS", "rediss://one:26379,rediss://two:26379"),
        ("OSS_VEND__VAULT__REDIS__MODE", "sentinel"),
        ("OSS_VEND__VAULT__REDIS__MASTER", "mymaster"),
        ("OSS_VEND__VAULT__REDIS__SEALING_KEYS", keys.as_str()),
        ("OSS_VEND__VAULT__REDIS__REPLICAS", "3"),
    ];
    let options = load(LEAST, &variables).build().unwrap().replicas.unwrap();
    assert_eq!(options.mode, Mode::Sentinel { master: "mymaster".into() });
    let ids: Vec<_> = options.sealing_keys.iter().map(|key| key.id.as_str()).collect();
    assert_eq!((ids, options.urls.len(), options.replicas), (vec!["b", "a"], 2, Some(3)));
}

#[test]
fn what_is_wrong_is_told_with_its_line_and_without_a_secret() {
    let faults = |redis: &str| Folder::with(&with(redis)).faults(&[]);
    let keys = format!("sealing_keys = [\"{KEY}\"]");
    for (redis, told) in [
        (keys.clone(), "urls"),
        ("urls = [\"redis://one\"]".to_owned(), "openssl rand -base64 32"),
        (format!("urls = [\"redis://user:hush@one\"]\n{keys}"), "vault.redis.urls[0] must be \"redis://host:port\""),
        (format!("urls = [\"http://one\"]\n{keys}"), "vault.redis.urls[0] must be \"redis://host:port\""),
        (format!("urls = [\"redis://one\", \"redis://two\"]\n{keys}"), "one address unless"),
        (format!("urls = [\"redis://one\"]\nmode = \"sentinel\"\n{keys}"), "has no \"master\""),
        (format!("urls = [\"redis://one\"]\nmaster = \"m\"\n{keys}"), "sentinel\" alone"),
        (format!("urls = [\"redis://one\"]\nprefix = \"a{{b}}\"\n{keys}"), "1 to 64 characters"),
        (format!("urls = [\"redis://one\"]\nca_file = \"none.pem\"\n{keys}"), "cannot be read"),
        (format!("urls = [\"redis://one\"]\npassword = 7\n{keys}"), "password"),
        ("urls = [\"redis://one\"]\nsealing_keys = [\"a:hush\"]".to_owned(), "sealing_keys[0] must be \"id:key\""),
        (format!("urls = [\"redis://one\"]\nsealing_keys = [\"{KEY}\", \"{KEY}\"]"), "has the id of another key"),
    ] {
        let text = faults(&redis);
        assert!(text.contains("oss-vend.toml:") && text.contains(told), "{redis} gives\n{text}");
        assert!(!text.contains("hush") && !text.contains("AAAA"), "{text}");
    }
}
