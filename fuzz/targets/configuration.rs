#![no_main]

use libfuzzer_sys::fuzz_target;
use oss_vend::config::{Environment, Settings};

// A file is loaded and built, or something is told; nothing panics.
fuzz_target!(|text: &str| {
    if text.contains("/dev/") {
        return; // a policy file may be named, and some files have no end
    }
    match Settings::of_text("fuzz.toml", text, &Environment::default()) {
        Ok(loaded) => drop(loaded.build()),
        Err(error) => assert!(!error.faults().is_empty()),
    }
});
