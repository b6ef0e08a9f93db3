//! `wa flow`: sends requests to a Flow endpoint as WhatsApp does, and decrypts captured requests.

mod check;
mod decrypt;
mod endpoint;
mod send;

use super::Context;
use crate::args::FlowCommand;
use crate::failure::{Exit, Failure};

pub(crate) async fn run(context: &mut Context, command: &FlowCommand) -> Result<Exit, Failure> {
    match command {
        FlowCommand::Send(args) => send::run(context, args).await,
        FlowCommand::Check(args) => check::run(context, args).await,
        FlowCommand::Decrypt(args) => decrypt::run(context, args),
    }
}
