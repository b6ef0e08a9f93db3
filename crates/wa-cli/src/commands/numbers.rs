//! `wa numbers list`.

use std::fmt::Write as _;

use serde_json::json;
use wa_cloud::fleet::{Inventory, InventoryConfig, InventoryError, InventoryNumber, NumberFilter};
use wa_cloud::graph::{ErrorCode, GraphError};

use super::Context;
use super::graph;
use super::table::{self, Table};
use crate::args::{ListArgs, NumbersCommand};
use crate::failure::{Exit, Failure};

/// The columns of the CSV file, which `wa fleet` reads as an inventory.
const COLUMNS: [&str; 7] = [
    "phone_number_id",
    "account",
    "display_phone_number",
    "verified_name",
    "status",
    "quality_rating",
    "platform_type",
];

pub(crate) async fn run(context: &mut Context, command: &NumbersCommand) -> Result<Exit, Failure> {
    let NumbersCommand::List(args) = command;
    list(context, args).await
}

async fn list(context: &mut Context, args: &ListArgs) -> Result<Exit, Failure> {
    let mut config = InventoryConfig::default();
    for id in &args.account {
        let id = id.parse().map_err(|error| graph::setting("--account", error))?;
        config.accounts.push(id);
    }
    for id in &args.business {
        let id = id.parse().map_err(|error| graph::setting("--business", error))?;
        config.businesses.push(id);
    }
    let filter = NumberFilter::default()
        .status(&args.status)
        .platform(&args.platform);
    let client = graph::client(&context.environment, &args.connection)?
        .build()
        .map_err(|error| graph::setting("Graph API settings", error))?;
    let stop = super::stop_at_ctrl_c(&context.environment);
    let inventory = Inventory::resolve(&config, &filter, |_| client.clone(), |_| {}, &stop)
        .await
        .map_err(failed)?;
    show(context, args, &inventory)?;
    let failures = inventory.failures();
    if args.account.len() + args.business.len() == 1
        && let [failure] = failures
        && inventory.numbers().is_empty()
    {
        // The only account: its failure is that of the command.
        return Err(describe(failure));
    }
    for failure in failures {
        describe(failure).report(&mut context.terminal);
    }
    Ok(if stop.is_requested() {
        Exit::Interrupted
    } else if failures.is_empty() {
        Exit::Success
    } else {
        Exit::Failed
    })
}

fn show(context: &mut Context, args: &ListArgs, inventory: &Inventory) -> Result<(), Failure> {
    let numbers = inventory.numbers();
    let terminal = &mut context.terminal;
    if args.csv {
        let mut text = table::csv_line(COLUMNS);
        for number in numbers {
            text += &table::csv_line(cells(number));
        }
        terminal.print(&text)?;
        return Ok(());
    }
    let mut table = Table::new([
        "NUMBER", "ACCOUNT", "PHONE", "NAME", "STATUS", "QUALITY", "PLATFORM",
    ]);
    for number in numbers {
        table.row(cells(number).map(str::to_owned));
    }
    let mut human = String::new();
    if !numbers.is_empty() {
        let _ = write!(human, "{table}");
    }
    let failed: Vec<_> = inventory
        .failures()
        .iter()
        .map(|error| describe(error).as_json())
        .collect();
    terminal.result(&human, &json!({ "numbers": numbers, "failures": failed }))?;
    let plural = if numbers.len() == 1 { "" } else { "s" };
    terminal.note(&format!("{} number{plural}", numbers.len()));
    Ok(())
}

fn cells(number: &InventoryNumber) -> [&str; 7] {
    [
        number.phone_number_id.as_str(),
        number.account.as_ref().map_or("", |account| account.as_str()),
        number.display_phone_number.as_deref().unwrap_or_default(),
        number.verified_name.as_deref().unwrap_or_default(),
        number.status.as_deref().unwrap_or_default(),
        number.quality_rating.as_deref().unwrap_or_default(),
        number.platform_type.as_deref().unwrap_or_default(),
    ]
}

/// Returns the failure of an inventory that cannot be read.
pub(crate) fn failed(error: InventoryError) -> Failure {
    let hint = error.remedy();
    let interrupted = matches!(error, InventoryError::Interrupted);
    let failure = if interrupted {
        Failure::interrupted(error)
    } else {
        Failure::failed(error)
    };
    failure.with_hint(hint)
}

/// Describes a part of an inventory that cannot be listed.
pub(crate) fn describe(error: &InventoryError) -> Failure {
    let code = error.graph().and_then(GraphError::code).map(ErrorCode::number);
    let trace = error
        .graph()
        .and_then(|error| error.fbtrace_id())
        .map(str::to_owned);
    let mut text = error.to_string();
    if let Some(cause) = error.graph() {
        let _ = write!(text, ": {cause}");
    }
    Failure::failed(text)
        .with_hint(error.remedy())
        .with_graph(code, trace)
}
