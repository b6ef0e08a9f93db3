//! `wa keys rollback`.

use wa_cloud::fleet::RollbackOptions;

use super::{Context, rotate};
use crate::args::RollbackArgs;
use crate::commands::operation::Operation;
use crate::failure::{Exit, Failure};
use crate::store;

pub(super) async fn run(context: &mut Context, args: &RollbackArgs) -> Result<Exit, Failure> {
    let opened = store::open(context, &args.set.store).await?;
    let operation = Operation::of(context, opened, &args.set, &args.graph, false).await?;
    let mut operation = operation.with_proof(context, &args.proof, &args.graph, false)?;
    let to = match &args.to {
        Some(text) => {
            let found = operation.operator.find_key(text).await;
            Some(found.map_err(|error| operation.names.failure(error))?)
        }
        None => None,
    };
    let operator = operation.operator.clone();
    let options = RollbackOptions { to };
    let report = operation.run(context, operator.roll_back(&options)).await?;
    context.terminal.result(&rotate::describe(&report), &report)?;
    Ok(if report.is_valid() {
        Exit::Success
    } else {
        Exit::CheckFailed
    })
}
