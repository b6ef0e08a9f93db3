//! `wa fleet`: many phone numbers.

mod apply;
mod audit;
mod metrics;
mod plan;
mod rotate;
mod session;
mod stream;
mod watch;

use super::Context;
use crate::args::FleetCommand;
use crate::failure::{Exit, Failure};

pub(crate) async fn run(context: &mut Context, command: &FleetCommand) -> Result<Exit, Failure> {
    match command {
        FleetCommand::Audit(args) => audit::run(context, args).await,
        FleetCommand::Plan(args) => plan::run(context, args).await,
        FleetCommand::Apply(args) => apply::run(context, args).await,
        FleetCommand::Rotate(args) => rotate::run(context, args).await,
        FleetCommand::Watch(args) => watch::run(context, args).await,
    }
}
