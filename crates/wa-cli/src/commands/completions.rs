//! `wa completions`.

use clap::CommandFactory;

use super::Context;
use crate::args::Cli;
use crate::failure::{Exit, Failure};

pub(crate) fn run(context: &mut Context, shell: clap_complete::Shell) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "wa", &mut script);
    context.terminal.print(&String::from_utf8_lossy(&script))?;
    Ok(Exit::Success)
}
