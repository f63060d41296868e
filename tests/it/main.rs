//! The server as its users meet it: real sockets, the embedded cloud behind, a clock that is moved by hand.

mod map;
mod support;
