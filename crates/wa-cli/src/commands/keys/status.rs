//! `wa keys status`.

use std::fmt::Write as _;
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};
use wa_cloud::keystore::{InstanceRecord, KeyRecord, SetLog};

use super::Context;
use crate::args::StatusArgs;
use crate::failure::{Exit, Failure};
use crate::store;
use crate::terminal::{BAD, STRONG, paint};

pub(crate) async fn run(context: &mut Context, args: &StatusArgs) -> Result<Exit, Failure> {
    let store = store::open(context, &args.store).await?;
    let names = match &args.set {
        Some(name) => vec![name.clone()],
        None => store.sets().await.map_err(store::failure)?,
    };
    let records = store.records().await.map_err(store::failure)?;
    let (mut human, mut sets, mut valid) = (String::new(), Vec::new(), true);
    if names.is_empty() {
        human.push_str("the key store has no key set yet\n");
    }
    for name in names {
        let set = store.set(&name).map_err(store::usage)?;
        let log = set.read().await.map_err(store::failure)?;
        let faults = faults(&name, &log, &records);
        valid &= faults.is_empty();
        describe(&name, &log, &records, &faults, &mut human);
        sets.push(machine(&name, &log, &records, &faults));
    }
    let machine = json!({ "store_id": store.id().to_string(), "sets": sets });
    context.terminal.result(&human, &machine)?;
    Ok(if valid { Exit::Success } else { Exit::CheckFailed })
}

/// What keeps writers from the set.
fn faults(name: &str, log: &SetLog, records: &[InstanceRecord]) -> Vec<String> {
    let ahead = records
        .iter()
        .filter(|record| record.is_ahead_of(name, log))
        .map(|record| {
            let instance = &record.instance;
            format!("instance {instance} has read events that this log does not have")
        });
    let own = log.faults().iter().map(ToString::to_string);
    own.chain(ahead).collect()
}

fn describe(name: &str, log: &SetLog, records: &[InstanceRecord], faults: &[String], text: &mut String) {
    let _ = writeln!(text, "{}", paint(STRONG, format!("key set {name}")));
    if let Some(title) = log.title() {
        let _ = writeln!(text, "  title     {title}");
    }
    if let Some(endpoint) = log.endpoint() {
        let _ = writeln!(text, "  endpoint  {endpoint}");
    }
    let _ = writeln!(text, "  numbers   {}", numbers(log));
    for key in log.keys() {
        let _ = writeln!(
            text,
            "  {}  {:<17}  since {}{}",
            key.fingerprint.short(),
            key.state,
            humantime::format_rfc3339_seconds(key.state_since),
            marks(key)
        );
    }
    for record in records.iter().filter(|record| record.sets.contains_key(name)) {
        let _ = writeln!(
            text,
            "  instance {}  {}",
            record.instance,
            serving(name, log, record)
        );
    }
    for fault in faults {
        let _ = writeln!(text, "  {}  {fault}", paint(BAD, "fault"));
    }
}

fn numbers(log: &SetLog) -> String {
    let numbers: Vec<_> = log.numbers().collect();
    match numbers.len() {
        0 => "none".to_owned(),
        1..=5 => numbers.join(", "),
        many => format!("{many}"),
    }
}

fn marks(key: &KeyRecord) -> &'static str {
    match (key.compromised, key.imported) {
        (true, _) => ", compromised",
        (false, true) => ", imported",
        (false, false) => "",
    }
}

fn serving(name: &str, log: &SetLog, record: &InstanceRecord) -> String {
    if record.stopped {
        return "stopped".to_owned();
    }
    let served = log.served().count();
    let opened = log
        .served()
        .filter(|key| record.serves(name, key.fingerprint, key.servable_since))
        .count();
    let seen = record
        .modified
        .and_then(|at| SystemTime::now().duration_since(at).ok());
    let seen = seen.map_or_else(String::new, |age| {
        let age = Duration::from_secs(age.as_secs());
        format!(", seen {} ago", humantime::format_duration(age))
    });
    format!("serves {opened} of {served} keys{seen}")
}

fn machine(name: &str, log: &SetLog, records: &[InstanceRecord], faults: &[String]) -> Value {
    let time = |at: SystemTime| humantime::format_rfc3339_seconds(at).to_string();
    let key = |key: &KeyRecord| {
        json!({
            "fingerprint": key.fingerprint.to_string(),
            "state": key.state.label(),
            "since": time(key.state_since),
            "grace_since": key.grace_since.map(time),
            "imported": key.imported,
            "compromised": key.compromised,
        })
    };
    let instance = |record: &&InstanceRecord| {
        let report = record.sets.get(name)?;
        let keys = report.keys.iter().map(|(key, report)| {
            json!({
                "fingerprint": key.to_string(),
                "last_request_s": report.last_request.map(|age| age.as_secs()),
            })
        });
        Some(json!({
            "instance": record.instance,
            "boot": record.boot.to_string(),
            "stopped": record.stopped,
            "modified": record.modified.map(time),
            "event": report.last,
            "keys": keys.collect::<Vec<_>>(),
        }))
    };
    json!({
        "set": name,
        "title": log.title(),
        "endpoint": log.endpoint(),
        "numbers": log.numbers().collect::<Vec<_>>(),
        "event": log.last(),
        "primary": log.primary().map(|key| key.fingerprint.to_string()),
        "keys": log.keys().iter().map(key).collect::<Vec<_>>(),
        "instances": records.iter().collect::<Vec<_>>().iter().filter_map(instance).collect::<Vec<_>>(),
        "faults": faults,
    })
}
