//! The `wa` program: keys and encryption of WhatsApp Flows at the command line.

mod advice;
mod args;
mod commands;
mod failure;
mod input;
mod settings;
mod stdin;
mod terminal;

use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;

use crate::args::{Cli, Command};
use crate::commands::Context;
use crate::failure::{Exit, Failure};
use crate::settings::Environment;
use crate::terminal::Terminal;

fn main() -> ExitCode {
    let cli = Cli::try_parse().unwrap_or_else(|error| args::without_a_key(error).exit());
    log(&cli);
    let mut terminal = Terminal::new(&cli.global);
    let environment = match Environment::load(cli.global.env_file.as_deref()) {
        Ok(environment) => environment,
        Err(failure) => {
            failure.report(&mut terminal);
            return ExitCode::from(failure.exit() as u8);
        }
    };
    let mut context = Context {
        terminal,
        environment: Arc::new(environment),
    };
    let exit = run(&mut context, &cli.command).unwrap_or_else(|failure| {
        failure.report(&mut context.terminal);
        failure.exit()
    });
    ExitCode::from(exit as u8)
}

fn run(context: &mut Context, command: &Command) -> Result<Exit, Failure> {
    match command {
        Command::Keys(command) => commands::keys::run(context, command),
        Command::Encryption(command) => block_on(commands::encryption::run(context, command)),
        Command::Flow(command) => block_on(commands::flow::run(context, command)),
        Command::Media(command) => block_on(commands::media::run(context, command)),
        Command::Emulator(args) => block_on(commands::emulator::run(context, args)),
        Command::Gateway(args) => block_on_all_cores(commands::gateway::run(context, args)),
        Command::Demo => block_on(commands::demo::run(context)),
        Command::Completions { shell } => commands::completions::run(context, *shell),
        Command::Reference { page } => commands::reference::run(context, *page),
    }
}

fn block_on(future: impl Future<Output = Result<Exit, Failure>>) -> Result<Exit, Failure> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Failure::from)?
        .block_on(future)
}

/// For what serves strangers: one worker a core.
fn block_on_all_cores(future: impl Future<Output = Result<Exit, Failure>>) -> Result<Exit, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let exit = runtime.block_on(future);
    // A read of a file system that hangs never ends.
    runtime.shutdown_background();
    exit
}

fn log(cli: &Cli) {
    let serves = matches!(cli.command, Command::Gateway(_));
    let filter = match cli.global.verbose {
        0 if !serves => return,
        0 => "info",
        1 => "warn,wa_graph=info,wa_encryption=info,wa_emulator=info,wa_flows=debug,wa_gateway=debug",
        _ => "info,wa_graph=debug,wa_encryption=debug,wa_emulator=debug,wa_flows=trace,wa_gateway=trace",
    };
    let log = tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        // A log that nobody takes must not end what is served.
        .log_internal_errors(false)
        .with_ansi(false)
        .with_env_filter(filter);
    if serves && cli.global.json {
        log.json().flatten_event(true).init();
    } else if serves {
        log.init();
    } else {
        log.with_span_events(tracing_subscriber::fmt::format::FmtSpan::CLOSE)
            .init();
    }
}
