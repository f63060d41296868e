//! The emulator's object service over real sockets, with requests signed by a few lines that share nothing with it.

mod acl;
mod callbacks;
mod clock;
mod control;
mod cors;
mod faults;
mod forms;
mod links;
mod multipart;
mod objects;
mod others;
mod processing;
mod sessions;
mod sub_resources;
mod support;
mod versions;
