//! `wa keys rotate`.

use std::fmt::Write as _;
use std::sync::Arc;

use serde_json::json;
use wa_cloud::fleet::{
    Decision, GeneratedKeys, RotateOptions, RotationPlan, RotationReport, Stage, aws_command,
};
use wa_cloud::keystore::KeyStore;

use super::Context;
use crate::args::{RotateArgs, UntilStep};
use crate::commands::graph::setting;
use crate::commands::operation::{Operation, confirm};
use crate::failure::{Exit, Failure};
use crate::store::{self, NewKeys};
use crate::terminal::{BAD, GOOD, STRONG, paint};

pub(super) async fn run(context: &mut Context, args: &RotateArgs) -> Result<Exit, Failure> {
    let opened = if args.dry_run {
        store::open(context, &args.set.store).await?
    } else {
        store::open_or_create(context, &args.set.store).await?
    };
    let mut operation = prepare(context, opened, args).await?;
    let options = options(context, &operation, args).await?;
    let plan = operation.operator.plan_rotation(&options);
    let plan = plan.await.map_err(|error| operation.names.failure(error))?;
    if args.dry_run {
        context.terminal.result(&describe_plan(&plan), &plan)?;
        return Ok(Exit::Success);
    }
    if plan.decision == Decision::NewKey {
        let given = store::given(context, &args.new_key.passphrase)?;
        let keys = match NewKeys::of(&args.new_key, given)? {
            NewKeys::Encrypted(passphrase) => GeneratedKeys::new(Some(passphrase)),
            NewKeys::Unencrypted => GeneratedKeys::new(None),
        };
        operation.operator = operation.operator.key_source(Arc::new(keys));
    }
    warn(context, args, &options).await?;
    let operator = operation.operator.clone();
    let report = operation.run(context, operator.rotate(&options)).await?;
    finish(context, &operation, args, &report).await
}

async fn prepare(context: &Context, opened: KeyStore, args: &RotateArgs) -> Result<Operation, Failure> {
    let operation = Operation::of(context, opened, &args.set, &args.graph, true).await?;
    operation.with_proof(context, &args.proof, &args.graph, args.take_over)
}

async fn options(
    context: &Context,
    operation: &Operation,
    args: &RotateArgs,
) -> Result<RotateOptions, Failure> {
    let mut given = args.phone_number_id.clone();
    let log = operation.set.read().await.map_err(store::failure)?;
    if given.is_empty()
        && log.numbers().next().is_none()
        && let Some(variable) = context.environment.get("WA_PHONE_NUMBER_ID")
    {
        given.extend(variable.split(',').map(|id| id.trim().to_owned()));
    }
    let mut options = RotateOptions {
        endpoint: args.endpoint.clone(),
        max_age: args.max_age,
        force: args.force,
        until: args.until.map(|step| match step {
            UntilStep::Stored => Stage::Stored,
            UntilStep::Served => Stage::Served,
            UntilStep::Proved => Stage::Proved,
        }),
        ..RotateOptions::default()
    };
    for text in given {
        if wa_cloud::fleet::is_external(&text) {
            options.external.push(text);
        } else {
            let number = text.parse().map_err(|error| setting("phone number id", error))?;
            options.numbers.push(number);
        }
    }
    if let Some(text) = &args.compromised {
        let found = operation.operator.find_key(text).await;
        options.compromised = Some(found.map_err(|error| operation.names.failure(error))?);
    }
    Ok(options)
}

/// Confirms what cannot be undone.
async fn warn(context: &mut Context, args: &RotateArgs, options: &RotateOptions) -> Result<(), Failure> {
    if let Some(key) = options.compromised {
        let warning = format!(
            "key {} is disabled without grace time: Flows that are open on WhatsApp Web fail until they are \
             opened \
             again",
            key.short()
        );
        confirm(context, &warning, "Continue?", args.yes).await?;
    }
    if args.take_over {
        let warning = "registered keys that this key set does not have are replaced: what serves them fails";
        confirm(context, warning, "Continue?", args.yes).await?;
    }
    Ok(())
}

async fn finish(
    context: &mut Context,
    operation: &Operation,
    args: &RotateArgs,
    report: &RotationReport,
) -> Result<Exit, Failure> {
    let mut commands = Vec::new();
    if !report.external.is_empty() && report.stage.is_some_and(|stage| stage >= Stage::Promoted) {
        let key = operation
            .set
            .public_key(report.key)
            .await
            .map_err(store::failure)?;
        commands.extend(report.external.iter().map(|number| aws_command(number, &key)));
    }
    let mut human = describe(report);
    if args.print_aws {
        for command in &commands {
            let _ = writeln!(human, "{command}");
        }
    } else if !commands.is_empty() {
        let count = commands.len();
        let _ = writeln!(
            human,
            "{} numbers are hosted by AWS; print the commands that register the key there: `{}`",
            count,
            operation.names.command("keys rotate --print-aws")
        );
    }
    let mut machine = json!(report);
    if args.print_aws
        && let Some(members) = machine.as_object_mut()
    {
        members.insert("aws_commands".to_owned(), json!(commands));
    }
    context.terminal.result(&human, &machine)?;
    Ok(if report.is_valid() {
        Exit::Success
    } else {
        Exit::CheckFailed
    })
}

/// Describes a finished rotation or rollback.
pub(super) fn describe(report: &RotationReport) -> String {
    let mut text = String::new();
    let key = paint(STRONG, report.key.short());
    let set = &report.set;
    let _ = match report.stage {
        Some(stage) if stage >= Stage::Promoted => match report.previous {
            Some(previous) if previous != report.key => {
                writeln!(
                    text,
                    "{key} is the primary key of {set}, after {}",
                    previous.short()
                )
            }
            _ => writeln!(text, "{key} is the primary key of {set}"),
        },
        Some(stage) => writeln!(
            text,
            "{key} is {stage} in {set}; the same command without --until continues"
        ),
        None => writeln!(text, "{key} is the primary key of {set}; no rotation is due"),
    };
    if report.decision == Decision::Adopt {
        let _ = writeln!(
            text,
            "all numbers have it already; for a new key, run the same command again with --force"
        );
    }
    for number in &report.numbers {
        let style = if number.is_valid() { GOOD } else { BAD };
        let outcome = paint(style, number.outcome.label());
        let _ = writeln!(text, "  {}  {outcome}", number.number);
        if let Some(remedy) = number.remedy.as_ref().filter(|_| !number.is_valid()) {
            let _ = writeln!(text, "    {}: {remedy}", paint(STRONG, "hint"));
        }
    }
    text
}

fn describe_plan(plan: &RotationPlan) -> String {
    let key = plan.key.map_or_else(|| "a new key".to_owned(), |key| key.short());
    let what = match plan.decision {
        Decision::NewKey => "makes a new key".to_owned(),
        Decision::Continue => format!("continues with {key}"),
        Decision::Adopt => format!("makes {key} the primary key, without an upload"),
        _ => format!("keeps {key}, and uploads it where it is missing"),
    };
    let mut text = format!("key set {}: {what}, because {}\n", plan.set, plan.cause);
    if let Some(endpoint) = &plan.endpoint {
        let _ = writeln!(text, "  endpoint {endpoint}");
    }
    for number in &plan.numbers {
        let found = match (&number.problem, number.registered) {
            (Some(problem), _) => problem.clone(),
            (None, Some(registered)) => {
                let status = if number.is_valid { "VALID" } else { "not VALID" };
                format!("{} {status}", registered.short())
            }
            (None, None) => "no key".to_owned(),
        };
        let _ = writeln!(text, "  {}  {found} -> {key}", number.number);
    }
    text
}
