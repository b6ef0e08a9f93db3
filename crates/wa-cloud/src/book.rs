//! Compiles the code blocks of the README and the docs site as doctests.

#[doc = include_str!("../../../README.md")]
mod readme {}

#[doc = include_str!("../../../docs/src/setup.md")]
mod setup {}

#[doc = include_str!("../../../docs/src/keys.md")]
mod keys {}

#[doc = include_str!("../../../docs/src/errors.md")]
mod errors {}

#[doc = include_str!("../../../docs/src/endpoint.md")]
mod endpoint {}

#[doc = include_str!("../../../docs/src/media.md")]
mod media {}
