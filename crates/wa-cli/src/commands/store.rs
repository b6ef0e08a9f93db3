//! `wa store`: commands on a whole key store.

mod check;
mod copy;
mod gc;
mod reencrypt;

use super::Context;
use crate::args::StoreCommand;
use crate::failure::{Exit, Failure};

pub(crate) async fn run(context: &mut Context, command: &StoreCommand) -> Result<Exit, Failure> {
    match command {
        StoreCommand::Check(args) => check::run(context, args).await,
        StoreCommand::Copy(args) => copy::run(context, args).await,
        StoreCommand::Gc(args) => gc::run(context, args).await,
        StoreCommand::Reencrypt(args) => reencrypt::run(context, args).await,
    }
}
