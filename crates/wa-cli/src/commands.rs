//! The commands, one file each: functions from arguments to an exit status.

pub(crate) mod completions;
pub(crate) mod demo;
pub(crate) mod emulator;
pub(crate) mod encryption;
pub(crate) mod flow;
pub(crate) mod gateway;
pub(crate) mod graph;
pub(crate) mod keys;
pub(crate) mod media;
pub(crate) mod reference;

use std::sync::Arc;

use crate::output::OutputQueue;
use crate::settings::Environment;
use crate::terminal::Terminal;

/// Shared state of all commands.
pub(crate) struct Context {
    pub(crate) terminal: Terminal,
    pub(crate) environment: Arc<Environment>,
    /// The queue that writes to standard error, if the command is a server.
    pub(crate) log_queue: Option<OutputQueue>,
}
