#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use oss_vend::emulator::fuzzing::Doors;

static DOORS: LazyLock<Doors> = LazyLock::new(Doors::default);

fuzz_target!(|text: &str| DOORS.authorization(text));
