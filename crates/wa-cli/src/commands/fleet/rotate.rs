//! `wa fleet rotate`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use serde_json::{Map, json};
use wa_cloud::fleet::{
    AccountConfig, GeneratedKeys, HttpProber, RotateOptions, Safeguards, SetOperator, SetReport, WaveOptions,
    WaveReport, WaveSet, app_secret_of_account,
};
use wa_cloud::keystore::StoreError;
use wa_cloud::secrets::Passphrase;

use super::Context;
use super::apply;
use super::session::{self, Open, Session, counted, exit};
use super::stream::JsonList;
use crate::args::FleetRotateArgs;
use crate::commands::graph;
use crate::failure::{Exit, Failure};
use crate::terminal::{BAD, GOOD, STRONG, Terminal, paint};

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
    let sets = selected(fleet.wave_sets(&view, inventory.numbers()), &args.set)?;
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
    let probers = probers(&session, &sets)?;
    let operator = |set: &WaveSet| -> Result<(SetOperator, RotateOptions), StoreError> {
        let mut operator = fleet.operator(&set.set)?.safeguards(Safeguards {
            no_instances: args.no_instances,
            no_proof: args.no_proof,
            take_over: args.take_over,
            ..Safeguards::default()
        });
        if let Some(prober) = probers.get(&set.set) {
            operator = operator.prober(Arc::<HttpProber>::clone(prober));
        }
        let key = passphrase.as_deref().map(Passphrase::new);
        operator = operator.key_source(Arc::new(GeneratedKeys::new(key)));
        let account = account_of(&session, set);
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
    let mut json = JsonList::begin_if_json(terminal, "sets")?;
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
    describe(terminal, &count, &report);
    let failed = !is_complete || report.failed > 0 || !report.not_tried.is_empty();
    Ok(exit(report.interrupted, failed, true))
}

#[derive(Debug, thiserror::Error)]
#[error("no number of the inventory uses key set {0}")]
struct UnknownSet(String);

/// Returns the sets with these names; all, if none is named.
fn selected(mut sets: Vec<WaveSet>, names: &[String]) -> Result<Vec<WaveSet>, Failure> {
    let is_known = |name: &&String| sets.iter().any(|set| set.set == **name);
    if let Some(unknown) = names.iter().find(|name| !is_known(name)) {
        let hint = "list the key sets of the numbers with `wa fleet audit --all`";
        return Err(Failure::usage(UnknownSet(unknown.clone())).with_hint(Some(hint)));
    }
    sets.retain(|set| names.is_empty() || names.contains(&set.set));
    Ok(sets)
}

fn describe(terminal: &mut Terminal, count: &str, report: &WaveReport) {
    terminal.note(&format!(
        "{count}: {} rotated, {} failed, {} not tried",
        report.rotated,
        report.failed,
        report.not_tried.len()
    ));
    if let Some(cause) = &report.stopped {
        terminal.note(&format!("stopped: {cause}"));
    }
}

/// Returns the settings of the account whose numbers use a key set.
fn account_of<'a>(session: &'a Session, set: &WaveSet) -> Option<&'a AccountConfig> {
    let accounts = &session.config.accounts;
    accounts.iter().find(|account| match &account.set {
        Some(name) => *name == set.set,
        None => format!("waba-{}", account.id) == set.set,
    })
}

/// Creates what proves the keys of each set, if an app secret is configured for it.
fn probers(session: &Session, sets: &[WaveSet]) -> Result<BTreeMap<String, Arc<HttpProber>>, Failure> {
    let mut probers = BTreeMap::new();
    for set in sets {
        let account = account_of(session, set).map(|account| &account.id);
        let secret = app_secret_of_account(&session.config, account, &|name| session.variable(name));
        if let Some(secret) = secret.map_err(session::cannot_connect)? {
            let prober = HttpProber::new(secret, session.root_certificates.as_deref()).map_err(|error| {
                let hint = error.remedy();
                Failure::usage(error).with_hint(hint)
            })?;
            probers.insert(set.set.clone(), Arc::new(prober));
        }
    }
    Ok(probers)
}

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
        let _ = writeln!(text, "  {}  {}  {detail}", number.number, number.outcome.label());
    }
    if let Some(error) = &set.error {
        let _ = writeln!(text, "  {error}");
    }
    if let Some(remedy) = &set.remedy {
        let _ = writeln!(text, "  {}: {remedy}", paint(STRONG, "hint"));
    }
    text
}
