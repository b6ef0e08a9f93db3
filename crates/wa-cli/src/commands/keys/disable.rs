//! `wa keys disable` and `wa keys enable`.

use serde_json::json;
use wa_cloud::fleet::{DisableOptions, Safeguards};

use super::Context;
use crate::args::{DisableArgs, EnableArgs};
use crate::commands::operation::{Operation, confirm};
use crate::failure::{Exit, Failure};
use crate::store;

pub(super) async fn disable(context: &mut Context, args: &DisableArgs) -> Result<Exit, Failure> {
    let opened = store::open(context, &args.set.store).await?;
    let mut operation = Operation::of(context, opened, &args.set, &args.graph, false).await?;
    operation.operator = operation.operator.safeguards(Safeguards {
        external_checked: args.aws_checked,
        ..Safeguards::default()
    });
    let found = operation.operator.find_key(&args.fingerprint).await;
    let key = found.map_err(|error| operation.names.failure(error))?;
    if args.compromised {
        let warning = format!(
            "key {} is disabled without grace time, for good: Flows that are open on WhatsApp Web fail until \
             they are \
             opened again",
            key.short()
        );
        confirm(context, &warning, "Continue?", args.yes).await?;
    }
    let operator = operation.operator.clone();
    let options = DisableOptions {
        compromised: args.compromised,
    };
    operation.run(context, operator.disable(key, options)).await?;
    let human = format!("{} is disabled: instances stop serving it\n", key.short());
    let machine = json!({ "key": key.to_string(), "state": "disabled", "compromised": args.compromised });
    context.terminal.result(&human, &machine)?;
    Ok(Exit::Success)
}

pub(super) async fn enable(context: &mut Context, args: &EnableArgs) -> Result<Exit, Failure> {
    let opened = store::open(context, &args.set.store).await?;
    let mut operation = Operation::of(context, opened, &args.set, &args.graph, false).await?;
    let found = operation.operator.find_key(&args.fingerprint).await;
    let key = found.map_err(|error| operation.names.failure(error))?;
    let operator = operation.operator.clone();
    operation.run(context, operator.enable(key)).await?;
    let human = format!("{} is enabled: instances serve it again\n", key.short());
    let machine = json!({ "key": key.to_string(), "state": "enabled" });
    context.terminal.result(&human, &machine)?;
    Ok(Exit::Success)
}
