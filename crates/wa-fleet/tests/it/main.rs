//! Operations on key sets, against the Meta emulator and an endpoint that serves from the key store.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod journeys;
mod many;
mod support;
