//! The steps of operations on a key set.

mod configure;
pub(crate) mod promote;
mod prove;
pub(crate) mod retire;
mod serve;
pub(crate) mod upload;
mod verify;
