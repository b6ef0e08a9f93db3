//! `wa store gc`.

use std::fmt::Write as _;

use wa_cloud::fleet::{Collected, Safeguards};

use super::Context;
use crate::args::GcArgs;
use crate::commands::operation::Operation;
use crate::failure::{Exit, Failure};
use crate::store;

pub(super) async fn run(context: &mut Context, args: &GcArgs) -> Result<Exit, Failure> {
    let opened = store::open(context, &args.set.store).await?;
    let mut operation = Operation::of(context, opened, &args.set, &args.graph, false).await?;
    operation.operator = operation.operator.safeguards(Safeguards {
        external_checked: args.aws_checked,
        ..Safeguards::default()
    });
    let operator = operation.operator.clone();
    let collected = operation.run(context, operator.collect_garbage()).await?;
    context.terminal.result(&describe(&collected), &collected)?;
    Ok(Exit::Success)
}

fn describe(collected: &Collected) -> String {
    let mut text = String::new();
    for key in &collected.scheduled {
        let _ = writeln!(text, "{}  its private key is deleted in 7 days", key.short());
    }
    for key in &collected.destroyed {
        let _ = writeln!(text, "{}  its private key is deleted", key.short());
    }
    for kept in &collected.kept {
        let _ = writeln!(text, "{}  stays: {}", kept.key.short(), kept.cause);
    }
    if collected.encryptions > 0 {
        let _ = writeln!(text, "{} earlier encryptions are deleted", collected.encryptions);
    }
    if collected.records > 0 {
        let _ = writeln!(text, "{} records of instances are deleted", collected.records);
    }
    if text.is_empty() {
        text.push_str("nothing to delete\n");
    }
    text
}
