//! What is measured: each step of an answer, and whole answers.

mod rooms;
mod routes;
mod signatures;

use super::harness::Group;

/// Hands every group whose name is `wanted` to `visit`; the others are not even prepared.
pub(crate) fn each(wanted: &dyn Fn(&str) -> bool, visit: &mut dyn FnMut(Group<'_>)) {
    signatures::each(wanted, visit);
    rooms::each(wanted, visit);
    routes::each(wanted, visit);
}
