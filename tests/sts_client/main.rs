//! The client of STS against servers on loopback that this test writes itself: what goes out, and what may come back.

#![expect(clippy::unwrap_used, reason = "what goes wrong in a test is to stop it")]

mod faults;
mod leaks;
mod log;
mod loopback;
mod verify;
mod wire_form;
