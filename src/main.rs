//! The command line program.

mod cli;

use std::process::ExitCode;

use mimalloc::MiMalloc;

/// An answer is some kilobytes that come and go with each request. The C library's allocator has one list for all pieces
/// of that size and parts and joins them each time; docs/performance.md has what that costs.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    cli::run()
}
