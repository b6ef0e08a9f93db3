//! `wa emulator`.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;

use serde_json::json;
use wa_emulator::{DEFAULT_ACCESS_TOKEN, DEFAULT_APP_SECRET, DEFAULT_PHONE_NUMBER_ID, Emulator, NumberSpec};

use super::Context;
use crate::args::EmulatorArgs;
use crate::failure::{Exit, Failure};
use wa_cloud::secrets::variables;

pub(crate) async fn run(context: &mut Context, args: &EmulatorArgs) -> Result<Exit, Failure> {
    let mut builder = Emulator::builder().address(args.listen);
    for id in args
        .phone_number_id
        .iter()
        .filter(|id| *id != DEFAULT_PHONE_NUMBER_ID)
    {
        builder = builder.number(NumberSpec::new().id(id));
    }
    if args.accounts > 0 || args.numbers > 0 {
        let accounts = usize::from(args.accounts.max(1));
        builder = builder.generated(accounts, usize::try_from(args.numbers).unwrap_or(usize::MAX));
    }
    let emulator = builder.start().await.map_err(|error| {
        let remedy = error.remedy();
        Failure::failed(error).with_hint(remedy)
    })?;
    let numbers = numbers(args);
    if let Some(path) = &args.write_env {
        write_env(path, emulator.base_url(), &numbers).map_err(|error| {
            let hint = format!(
                "remove {}, or pass another file name to --write-env",
                path.display()
            );
            let exists = error.kind() == std::io::ErrorKind::AlreadyExists;
            Failure::failed(error).with_hint(exists.then_some(hint))
        })?;
    }
    if !args.listen.ip().is_loopback() {
        context
            .terminal
            .warn("any client that can reach this address can change the state of the emulator");
    }
    let machine = json!({
        "ready": emulator.base_url(),
        "access_token": DEFAULT_ACCESS_TOKEN,
        "app_secret": DEFAULT_APP_SECRET,
        "phone_number_ids": numbers,
    });
    context
        .terminal
        .result(&format!("ready {}\n", emulator.base_url()), &machine)?;
    context
        .terminal
        .note(&settings(emulator.base_url(), &numbers, "export "));
    emulator.run_until_signal().await?;
    Ok(Exit::Success)
}

fn numbers(args: &EmulatorArgs) -> Vec<&str> {
    let asked_for = args.phone_number_id.iter().map(String::as_str);
    let mut numbers: Vec<&str> = std::iter::once(DEFAULT_PHONE_NUMBER_ID)
        .chain(asked_for)
        .collect();
    let mut seen = std::collections::HashSet::new();
    numbers.retain(|id| seen.insert(*id));
    numbers
}

/// Formats the settings of the emulator as lines for a shell or a `.env` file.
fn settings(url: &str, numbers: &[&str], prefix: &str) -> String {
    let values = [
        (variables::GRAPH_URL, url),
        (variables::ACCESS_TOKEN, DEFAULT_ACCESS_TOKEN),
        (variables::PHONE_NUMBER_ID, &numbers.join(",")),
    ];
    values
        .map(|(name, value)| format!("{prefix}{name}={value}"))
        .join("\n")
}

fn write_env(path: &Path, url: &str, numbers: &[&str]) -> std::io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
    writeln!(file, "{}", settings(url, numbers, ""))
}
