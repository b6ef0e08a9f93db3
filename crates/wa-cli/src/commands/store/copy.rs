//! `wa store copy`.

use std::fmt::Write as _;

use serde_json::json;
use wa_cloud::keystore::KeyStore;

use super::check::counted;
use crate::args::StoreCopyArgs;
use crate::commands::Context;
use crate::failure::{Exit, Failure};
use crate::store;

pub(crate) async fn run(context: &mut Context, args: &StoreCopyArgs) -> Result<Exit, Failure> {
    let to = store::open_location(context, &args.to)?;
    let from = store::open_location(context, &args.from)?;
    let from = KeyStore::open(from).await.map_err(store::failure)?;
    let report = from.copy_to(to).await.map_err(store::failure)?;
    let mut human = format!(
        "copied {} to {}; {} were there already\n",
        counted(report.created, "object"),
        args.to,
        report.existed
    );
    for path in &report.differing {
        let _ = writeln!(human, "differs and was not changed: {path}");
    }
    let machine = json!({
        "created": report.created,
        "existed": report.existed,
        "differing": report.differing,
    });
    context.terminal.result(&human, &machine)?;
    Ok(if report.differing.is_empty() {
        Exit::Success
    } else {
        Exit::CheckFailed
    })
}
