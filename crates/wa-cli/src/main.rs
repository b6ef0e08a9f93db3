//! The `wa` program.
fn main() {}
