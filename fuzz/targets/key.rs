#![no_main]

use libfuzzer_sys::fuzz_target;
use oss_vend::policy::ObjectKey;

// A key that is taken is the text itself, fits OSS, and has nothing in it that a client or a form would rewrite.
fuzz_target!(|text: &str| {
    let Ok(key) = ObjectKey::parse(text) else { return };
    assert_eq!(key.as_str(), text);
    assert!((1..=1023).contains(&text.len()));
    assert!(text.split('/').all(|segment| !["", ".", ".."].contains(&segment)));
    assert!(!text.contains(['\0', '\r', '\n']) && !text.contains("${") && !text.starts_with('\\'));
});
