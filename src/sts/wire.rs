//! One signed request: where each parameter stands, in both signature schemes.
