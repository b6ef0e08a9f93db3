//! Logging: enabled for the gateway, and for other commands with `-v`.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::io;
use std::panic::PanicHookInfo;
use std::time::Duration;

use tracing_subscriber::fmt::writer::BoxMakeWriter;

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
        0 => "info",
        1 => {
            "warn,wa_graph=info,wa_encryption=info,wa_emulator=info,wa_phone=info,wa_flows=debug,wa_gateway=debug"
        }
        _ => {
            "info,wa_graph=debug,wa_encryption=debug,wa_emulator=debug,wa_phone=debug,wa_flows=trace,wa_gateway=trace"
        }
    };
    let writer = match queue.cloned() {
        Some(queue) => BoxMakeWriter::new(move || queue.clone()),
        None => BoxMakeWriter::new(io::stderr),
    };
    let log = tracing_subscriber::fmt()
        .with_writer(writer)
        // A log that cannot be written must not stop a server.
        .log_internal_errors(false)
        .with_ansi(false)
        .with_env_filter(filter);
    if is_gateway && cli.global.json {
        log.json().flatten_event(true).init();
    } else if is_gateway {
        log.init();
    } else {
        log.with_span_events(tracing_subscriber::fmt::format::FmtSpan::CLOSE)
            .init();
    }
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
