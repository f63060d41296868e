//! What the benches have in common.

pub(crate) mod cloud;
pub(crate) mod harness;
pub(crate) mod report;
pub(crate) mod subjects;
