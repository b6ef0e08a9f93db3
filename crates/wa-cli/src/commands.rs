//! One file a command; each is a function from its arguments to how the program ends.

pub(crate) mod completions;
pub(crate) mod demo;
pub(crate) mod emulator;
pub(crate) mod encryption;
pub(crate) mod flow;
pub(crate) mod gateway;
pub(crate) mod keys;
pub(crate) mod media;
pub(crate) mod reference;

use std::sync::Arc;

use crate::output::OutputQueue;
use crate::settings::Environment;
use crate::terminal::Terminal;

/// What every command works with.
pub(crate) struct Context {
    pub(crate) terminal: Terminal,
    pub(crate) environment: Arc<Environment>,
    /// The queue in front of standard error, if the command serves.
    pub(crate) log_queue: Option<OutputQueue>,
}
