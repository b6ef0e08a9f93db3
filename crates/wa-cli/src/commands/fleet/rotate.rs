//! `wa fleet rotate`.

use std::sync::Arc;

use serde_json::{Map, json};
use wa_cloud::fleet::{
    FleetError, GeneratedKeys, HttpProber, RotateOptions, Safeguards, SetOperator, SetReport, WaveOptions,
    WaveSet, app_secret_of_account,
};
use wa_cloud::secrets::Passphrase;

use super::Context;
use super::apply;
use super::session::{Open, Session, counted, exit};
use super::stream::JsonList;
use crate::args::FleetRotateArgs;
use crate::commands::graph;
use crate::failure::{Exit, Failure};
use crate::terminal::{BAD, GOOD, STRONG, paint};

pub(super) async fn run(context: &mut Context, args: &FleetRotateArgs) -> Result<Exit, Failure> {
    let max_age = args
        .max_age
        .as_deref()
        .map(humantime::parse_duration)
        .transpose()
        .map_err(|error| graph::setting("--max-age", error))?;
    let session = Session::open(context, &args.fleet, Open::OrCreate).await?;
    let terminal = &mut context.terminal;
    let (inventory, is_complete) = session.inventory(terminal).await?;
    let view = session.view().await?;
    let fleet = session.fleet(inventory.numbers());
    let mut sets = fleet.wave_sets(&view, inventory.numbers());
    if let Some(unknown) = args
        .set
        .iter()
        .find(|name| !sets.iter().any(|set| set.set == **name))
    {
        return Err(Failure::usage(UnknownSet(unknown.clone())).with_hint(Some(
            "list the key sets of the numbers with `wa fleet audit --all`",
        )));
    }
    sets.retain(|set| args.set.is_empty() || args.set.contains(&set.set));
    let numbers: usize = sets
        .iter()
        .map(|set| set.known_numbers + set.new_numbers.len())
        .sum();
    let count = counted(sets.len(), "key set");
    terminal.note(&format!("{count} with {}", counted(numbers, "number")));
    if !sets.is_empty() && !args.yes {
        apply::ask(terminal, &format!("Rotate {count}?"))?;
    }
    let passphrase = passphrase(&session)?;
    let operator = |set: &WaveSet| -> Result<(SetOperator, RotateOptions), FleetError> {
        let account = session.config.accounts.iter().find(|account| {
            account.set.as_ref().is_some_and(|name| *name == set.set)
                || format!("waba-{}", account.id) == set.set
        });
        let mut operator = fleet.operator(&set.set)?.safeguards(Safeguards {
            no_instances: args.no_instances,
            no_proof: args.no_proof,
            take_over: args.take_over,
            ..Safeguards::default()
        });
        let secret = app_secret_of_account(&session.config, account.map(|account| &account.id), &|name| {
            session.variable(name)
        });
        if let Ok(Some(secret)) = secret
            && let Ok(prober) = HttpProber::new(secret, None)
        {
            operator = operator.prober(Arc::new(prober));
        }
        let key = passphrase.as_deref().map(Passphrase::new);
        operator = operator.key_source(Arc::new(GeneratedKeys::new(key)));
        let options = RotateOptions {
            numbers: set.new_numbers.clone(),
            endpoint: account.and_then(|account| account.endpoint.clone()),
            max_age,
            force: args.force,
            ..RotateOptions::default()
        };
        Ok((operator, options))
    };
    let mut options = WaveOptions::default();
    options.canary = args.canary;
    options.batch = args.batch;
    options.max_failed_percent = args.max_failed;
    options.stop = session.stop.clone();
    let mut json = match terminal.json() {
        true => Some(JsonList::begin(terminal, "sets")?),
        false => None,
    };
    let mut problem = Ok(());
    let report = fleet
        .rotate(&sets, &options, operator, |set| {
            if problem.is_ok() {
                problem = match &mut json {
                    Some(json) => json.add(terminal, set),
                    None => terminal.print(&line(set)).map_err(Failure::from),
                };
            }
        })
        .await;
    problem?;
    if let Some(json) = json {
        let mut members = Map::new();
        members.insert("summary".to_owned(), json!(report));
        json.end(terminal, &members)?;
    }
    terminal.note(&format!(
        "{count}: {} rotated, {} failed, {} not tried",
        report.rotated,
        report.failed,
        report.not_tried.len()
    ));
    if let Some(cause) = &report.stopped {
        terminal.note(&format!("stopped: {cause}"));
    }
    let failed = !is_complete || report.failed > 0 || !report.not_tried.is_empty();
    Ok(exit(report.interrupted, failed, true))
}

#[derive(Debug, thiserror::Error)]
#[error("no number of the inventory uses key set {0}")]
struct UnknownSet(String);

/// Returns the passphrase of new private keys.
fn passphrase(session: &Session) -> Result<Option<zeroize::Zeroizing<String>>, Failure> {
    let Some(source) = &session.config.store.passphrase else {
        return Ok(session.variable("WA_KEY_PASSPHRASE").map(zeroize::Zeroizing::new));
    };
    let found = source.source().read(|name| session.variable(name));
    let found = found.map_err(|error| graph::setting("passphrase of [store]", error))?;
    Ok(Some(zeroize::Zeroizing::new(found.expose_secret().to_owned())))
}

fn line(set: &SetReport) -> String {
    let (style, word) = if set.is_valid() {
        (GOOD, "rotated")
    } else {
        (BAD, "failed")
    };
    let key = set.key.map_or_else(|| "-".to_owned(), |key| key.short());
    let mut text = format!(
        "{}  {:24}  {key:16}  {} of {} numbers\n",
        paint(style, format!("{word:7}")),
        set.set,
        set.valid,
        set.numbers,
    );
    for number in &set.failed {
        let detail = number.detail.as_deref().unwrap_or_default();
        text += &format!("  {}  {}  {detail}\n", number.number, number.outcome.label());
    }
    if let Some(error) = &set.error {
        text += &format!("  {error}\n");
    }
    if let Some(remedy) = &set.remedy {
        text += &format!("  {}: {remedy}\n", paint(STRONG, "hint"));
    }
    text
}
