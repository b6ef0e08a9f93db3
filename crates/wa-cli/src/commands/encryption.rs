//! `wa encryption`: commands for one or more phone numbers.

mod batch;
mod client;
mod confirm;
mod endpoint;
mod get;
mod hint;
mod outcome;
mod report;
mod set;
mod verify;

use super::Context;
use crate::args::EncryptionCommand;
use crate::failure::{Exit, Failure};

pub(crate) async fn run(context: &mut Context, command: &EncryptionCommand) -> Result<Exit, Failure> {
    match command {
        EncryptionCommand::Set(args) => set::run(context, args).await,
        EncryptionCommand::Get(args) => get::run(context, args).await,
        EncryptionCommand::Verify(args) => verify::run(context, args).await,
    }
}
