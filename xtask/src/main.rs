//! Drives tests, checks and docs.
fn main() {}
