//! Operations on key sets, against the Meta emulator and an endpoint that serves from the key store.

mod journeys;
mod support;
