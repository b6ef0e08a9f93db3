//! What operations need of the outside, as traits, so that the same code runs in a simulation.

mod clock;
mod key_source;
mod prober;
mod registry;

pub use clock::{Clock, SystemClock};
pub use key_source::{GeneratedKeys, KeySource};
pub use prober::{HttpProber, Pong, Prober, ProberError};
pub use registry::{Effect, GraphRegistry, Registered, RegisteredKey, Registry, RegistryError};
