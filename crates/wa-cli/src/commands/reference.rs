//! `wa reference`: pages of the docs site that the program writes about itself.

use std::fmt::Write;

use clap::CommandFactory;
use wa_cloud::graph::ErrorCode;

use super::Context;
use crate::args::{Cli, EXIT_CODES, ReferencePage};
use crate::failure::{Exit, Failure};
use crate::settings::VARIABLES;

const GENERATED: &str = "<!-- Written by `cargo xtask docs --bless`; changes made here are lost. -->\n";

pub(crate) fn run(context: &mut Context, page: ReferencePage) -> Result<Exit, Failure> {
    let page = match page {
        ReferencePage::ErrorCodes => error_codes(),
        ReferencePage::Cli => program(),
        ReferencePage::Environment => environment(),
        ReferencePage::GatewayConfiguration => format!(
            "{GENERATED}\n# Gateway configuration\n\n{}",
            wa_gateway::config_reference()
        ),
        ReferencePage::GatewayMetrics => format!(
            "{GENERATED}\n# Gateway metrics\n\n{}",
            wa_gateway::metrics_reference()
        ),
    };
    context.terminal.data(&page)?;
    Ok(Exit::Good)
}

fn error_codes() -> String {
    let mut page = format!(
        "{GENERATED}\n# Error codes\n\nEvery code that `wa_graph::ErrorCode` knows, from Meta's Cloud API error codes and Graph API error \
         handling pages. Unknown codes are kept as numbers. *Retry* says when the same call may succeed: `soon` and `slowly` are repeated by themselves, within bounds; \
         `later` takes minutes or hours and is left to you. A code with a subcode stands as `code / subcode`.\n\n| code | kind | meaning | retry | what to do |\n|---|---|---|---|---|\n"
    );
    for known in ErrorCode::known() {
        let (first, last) = (known.first().number(), known.last().number());
        let code = if first == last {
            first.to_string()
        } else {
            format!("{first}–{last}")
        };
        let (kind, retry) = (known.kind().name(), known.retry().name());
        let remedy = known.remedy().unwrap_or_default();
        let _ = writeln!(
            page,
            "| {code} | {kind} | {} | {retry} | {} |",
            cell(known.meaning()),
            cell(remedy)
        );
        for subcode in known.subcodes() {
            let (number, meaning, remedy) =
                (subcode.subcode(), cell(subcode.meaning()), cell(subcode.remedy()));
            let _ = writeln!(
                page,
                "| {code} / {number} | {kind} | {meaning} | {retry} | {remedy} |"
            );
        }
    }
    page
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('<', "&lt;")
}

fn environment() -> String {
    let mut page = format!(
        "{GENERATED}\n# Environment variables\n\nA flag wins over the environment, the environment over the file of `--env-file`. \
         An empty variable counts as not set.\n\n| variable | meaning |\n|---|---|\n"
    );
    for (name, meaning) in VARIABLES {
        let _ = writeln!(page, "| `{name}` | {meaning} |");
    }
    page.push_str(
        "\nThose of `wa gateway` (`WA_GATEWAY_…`) are in [its configuration](gateway-configuration.md).\n",
    );
    page
}

fn program() -> String {
    let mut page = format!("{GENERATED}\n# The `wa` program\n\n```text\n{EXIT_CODES}\n```\n");
    let mut root = Cli::command().term_width(100);
    root.build();
    describe(&root, &mut page);
    page
}

fn describe(command: &clap::Command, page: &mut String) {
    let name = command.get_bin_name().unwrap_or(command.get_name()).to_owned();
    if !command.is_disable_help_flag_set() || name == "wa" {
        let help = command.clone().render_long_help().to_string();
        let help: Vec<&str> = help.trim_end().lines().map(str::trim_end).collect();
        let _ = write!(page, "\n## `{name}`\n\n```text\n{}\n```\n", help.join("\n"));
    }
    for sub in command
        .get_subcommands()
        .filter(|sub| !sub.is_hide_set() && sub.get_name() != "help")
    {
        describe(sub, page);
    }
}
