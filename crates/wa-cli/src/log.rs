//! Logging: enabled for the gateway, and for other commands with `-v`.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::io;
use std::panic::PanicHookInfo;
use std::time::Duration;

use tracing::Level;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt;
use tracing_subscriber::fmt::format::FmtSpan;
use tracing_subscriber::fmt::writer::BoxMakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::args::{Cli, Command};
use crate::output::OutputQueue;

/// How long a panic of the main thread waits until its message is written.
const PANIC_FLUSH: Duration = Duration::from_secs(1);

/// Initializes logging to standard error, or to the queue that writes to it.
pub(crate) fn start(cli: &Cli, queue: Option<&OutputQueue>) {
    if let Some(queue) = queue {
        queue_panics(queue.clone());
    }
    let is_gateway = matches!(cli.command, Command::Gateway(_));
    let filter = match cli.global.verbose {
        0 if !is_gateway => return,
        0 => Targets::new().with_default(Level::INFO),
        1 => levels(Level::WARN, Level::INFO, Level::DEBUG),
        _ => levels(Level::INFO, Level::DEBUG, Level::TRACE),
    };
    let writer = match queue.cloned() {
        Some(queue) => BoxMakeWriter::new(move || queue.clone()),
        None => BoxMakeWriter::new(io::stderr),
    };
    let lines = fmt::layer()
        .with_writer(writer)
        // A log that cannot be written must not stop a server.
        .log_internal_errors(false)
        .with_ansi(false);
    let log = tracing_subscriber::registry().with(filter);
    if is_gateway && cli.global.json {
        log.with(lines.json().flatten_event(true)).init();
    } else if is_gateway {
        log.with(lines).init();
    } else {
        log.with(lines.with_span_events(FmtSpan::CLOSE)).init();
    }
}

/// Logs the crates that call Graph or emulate it from one level, those that serve from another, and all
/// other crates from a third.
fn levels(others: Level, graph: Level, serving: Level) -> Targets {
    Targets::new()
        .with_default(others)
        .with_targets(["wa_graph", "wa_encryption", "wa_emulator", "wa_phone"].map(|name| (name, graph)))
        .with_targets(["wa_flows", "wa_gateway"].map(|name| (name, serving)))
}

/// Writes panic messages to the queue. The default hook writes to standard error directly, which may block.
fn queue_panics(queue: OutputQueue) {
    std::panic::set_hook(Box::new(move |panic| write_panic(panic, queue.clone())));
}

fn write_panic(panic: &PanicHookInfo<'_>, mut queue: OutputQueue) {
    let thread = std::thread::current();
    let name = thread.name().unwrap_or("<unnamed>");
    let backtrace = Backtrace::capture();
    let mut text = format!("thread '{name}' {panic}\n");
    if backtrace.status() == BacktraceStatus::Captured {
        text = format!("{text}{backtrace}\n");
    }
    // Writing to the queue never fails.
    let _ = io::Write::write_all(&mut queue, text.as_bytes());
    if name == "main" {
        queue.flush_for(PANIC_FLUSH);
    }
}
