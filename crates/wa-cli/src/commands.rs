//! The commands, one file each: functions from arguments to an exit status.

pub(crate) mod completions;
pub(crate) mod demo;
pub(crate) mod doctor;
pub(crate) mod emulator;
pub(crate) mod encryption;
pub(crate) mod fleet;
pub(crate) mod flow;
pub(crate) mod gateway;
pub(crate) mod graph;
pub(crate) mod keys;
pub(crate) mod media;
pub(crate) mod numbers;
pub(crate) mod operation;
pub(crate) mod reference;
pub(crate) mod store;
pub(crate) mod table;

use std::sync::Arc;

use wa_cloud::fleet::Stop;

use crate::failure::Exit;
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

/// Returns a signal that Ctrl-C sets: a run then starts nothing new and completes what is in flight. A second
/// Ctrl-C ends the program at once.
pub(crate) fn stop_at_ctrl_c(environment: &Arc<Environment>) -> Stop {
    let stop = Stop::default();
    let environment = Arc::clone(environment);
    let signal = stop.clone();
    tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_err() {
            return;
        }
        signal.request();
        environment.note("completing the calls in flight; press Ctrl-C again to end at once");
        if tokio::signal::ctrl_c().await.is_ok() {
            std::process::exit(Exit::Interrupted as i32);
        }
    });
    stop
}
