//! The `wa` program: manages the encryption keys of WhatsApp Flows, and serves and tests encrypted endpoints.

mod advice;
mod args;
mod commands;
mod failure;
mod input;
mod log;
mod output;
mod settings;
mod shell;
mod stdin;
mod store;
mod terminal;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;

use crate::args::{Cli, Command};
use crate::commands::Context;
use crate::failure::{Exit, Failure};
use crate::output::StandardQueues;
use crate::settings::Environment;
use crate::terminal::Terminal;

/// How long a server waits at exit until its last lines are written.
const LAST_LINES: Duration = Duration::from_secs(1);

fn main() -> ExitCode {
    let cli = Cli::try_parse().unwrap_or_else(|error| args::without_a_key(error).exit());
    // If no thread can be started for the queues, none can be started for the runtime, and that error is
    // reported.
    let queues = cli
        .command
        .serves()
        .then(StandardQueues::start)
        .and_then(Result::ok);
    log::start(&cli, queues.as_ref().map(|queues| &queues.stderr));
    let exit = execute(&cli, queues.as_ref());
    if let Some(queues) = queues {
        queues.flush_for(LAST_LINES);
    }
    ExitCode::from(exit as u8)
}

fn execute(cli: &Cli, queues: Option<&StandardQueues>) -> Exit {
    let mut terminal = Terminal::new(&cli.global, queues);
    let environment = match Environment::load(&cli.global, queues) {
        Ok(environment) => environment,
        Err(failure) => {
            failure.report(&mut terminal);
            return failure.exit();
        }
    };
    let mut context = Context {
        terminal,
        environment: Arc::new(environment),
        log_queue: queues.map(|queues| queues.stderr.clone()),
    };
    run(&mut context, &cli.command).unwrap_or_else(|failure| {
        failure.report(&mut context.terminal);
        failure.exit()
    })
}

fn run(context: &mut Context, command: &Command) -> Result<Exit, Failure> {
    match command {
        Command::Keys(command) => commands::keys::run(context, command),
        Command::Store(command) => block_on(commands::store::run(context, command)),
        Command::Encryption(command) => block_on(commands::encryption::run(context, command)),
        Command::Numbers(command) => block_on(commands::numbers::run(context, command)),
        Command::Fleet(command) => block_on(commands::fleet::run(context, command)),
        Command::Flow(command) => block_on(commands::flow::run(context, command)),
        Command::Media(command) => block_on(commands::media::run(context, command)),
        Command::Doctor(args) => block_on(commands::doctor::run(context, args)),
        Command::Emulator(args) => block_on(commands::emulator::run(context, args)),
        Command::Gateway(args) => block_on_all_cores(commands::gateway::run(context, args)),
        Command::Demo => block_on(commands::demo::run(context)),
        Command::Completions { shell } => commands::completions::run(context, *shell),
        Command::Reference { page } => commands::reference::run(context, *page),
    }
}

pub(crate) fn block_on(future: impl Future<Output = Result<Exit, Failure>>) -> Result<Exit, Failure> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Failure::from)?
        .block_on(future)
}

/// Runs a server, with one worker thread per core.
fn block_on_all_cores(future: impl Future<Output = Result<Exit, Failure>>) -> Result<Exit, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let exit = runtime.block_on(future);
    // A blocked read from a file system must not delay the exit.
    runtime.shutdown_background();
    exit
}
