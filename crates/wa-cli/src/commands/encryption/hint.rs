//! Commands for hints, with the user's own files and options, quoted for a shell.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use super::Context;
use crate::args::{GraphArgs, PassphraseArgs};
use crate::shell;

/// Maximum number of phone number ids that are repeated in a hint.
const SHOWN: usize = 10;

/// The options of the current command, to be repeated in the commands of hints.
pub(super) struct GivenOptions {
    start: String,
    /// The file of the key and that of its passphrase, after a space; empty for commands without a key.
    key: String,
    end: String,
}

impl GivenOptions {
    pub(super) fn new(context: &Context, graph: &GraphArgs, key: Option<(&Path, &PassphraseArgs)>) -> Self {
        let file = |path: &Path| shell::path(path).unwrap_or_else(|| "FILE".to_owned());
        let mut start = "wa".to_owned();
        if let Some(path) = context.environment.path() {
            let _ = write!(start, " --env-file={}", file(path));
        }
        let key = key.map_or_else(String::new, |(key, passphrase)| {
            let mut words = format!(" {}", file(key));
            if let Some(path) = &passphrase.passphrase_file {
                let _ = write!(words, " --passphrase-file {}", file(path));
            }
            if passphrase.empty_passphrase {
                words.push_str(" --empty-passphrase");
            }
            words
        });
        let mut end = String::new();
        let mut option = |name: &str, value: Option<String>| {
            if let Some(value) = value {
                let _ = write!(end, " {name} {value}");
            }
        };
        let path = |path: &Option<PathBuf>| path.as_deref().map(file);
        option("--access-token-file", path(&graph.connection.access_token_file));
        option("--app-secret-file", path(&graph.connection.app_secret_file));
        option("--graph-url", graph.connection.graph_url.clone().map(shell::word));
        option(
            "--api-version",
            graph.connection.api_version.clone().map(shell::word),
        );
        option("--root-certificate", path(&graph.connection.root_certificate));
        if graph.connection.danger_allow_plain_http {
            end.push_str(" --danger-allow-plain-http");
        }
        Self { start, key, end }
    }

    /// Returns `wa encryption VERB` for some numbers, with the given key and additional options, in
    /// backticks.
    pub(super) fn command<'i>(
        &self,
        verb: &str,
        options: &str,
        ids: impl IntoIterator<Item = &'i str>,
    ) -> String {
        let key = if verb == "get" { "" } else { &self.key };
        self.line(verb, &format!("{key}{options}"), ids)
    }

    /// Returns the command that registers the currently registered key again, in backticks.
    pub(super) fn same_again(&self, id: &str) -> String {
        let get = self.line("get", " --pem", [id]);
        let set = self.line("set", " -", [id]);
        format!("{} | {}", get.trim_end_matches('`'), set.trim_start_matches('`'))
    }

    fn line<'i>(&self, verb: &str, rest: &str, ids: impl IntoIterator<Item = &'i str>) -> String {
        let ids: Vec<&str> = ids.into_iter().collect();
        if ids.len() > SHOWN {
            return format!("the same command with{rest}");
        }
        let Self { start, end, .. } = self;
        format!(
            "`{start} encryption {verb}{rest} --phone-number-id {}{end}`",
            ids.join(",")
        )
    }
}
