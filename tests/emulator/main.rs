//! The emulator's object service over real sockets, with requests signed by a few lines that share nothing with it.

mod callbacks;
mod clock;
mod control;
mod cors;
mod faults;
mod forms;
mod multipart;
mod objects;
mod others;
mod sessions;
mod support;
mod versions;
