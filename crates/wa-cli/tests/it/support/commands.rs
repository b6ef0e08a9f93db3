//! Runs the commands that the program prints.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Passphrase of the test files of `wa-keys`.
pub(crate) const PASSPHRASE: &str = "correct horse";

const PROGRAMS: &[&str] = &[
    "wa",
    "openssl",
    "ssh-keygen",
    "keytool",
    "puttygen",
    "chmod",
    "install",
    "cp",
    "jq",
    "pbpaste",
    "eval",
];

/// Commands that cannot be run in a test, with the reason.
const EXEMPT: &[(&str, &str)] = &[
    ("wa demo", "has separate tests"),
    (
        "wa doctor",
        "needs an endpoint, a key store and a Flow; it has separate tests",
    ),
    ("wa emulator", "runs until it is stopped"),
    (
        "wa gateway",
        "runs until it is stopped, and needs a configuration; it has separate tests",
    ),
    (
        "wa fleet",
        "needs a configuration and a key store; it has separate tests",
    ),
    ("wa store", "needs a key store; tests/it/key_store.rs runs it"),
    (
        "wa keys import",
        "needs a key store; tests/it/key_store.rs runs it",
    ),
    (
        "wa keys export",
        "needs a key store; tests/it/key_store.rs runs it",
    ),
    (
        "wa keys status",
        "needs a key store; tests/it/key_store.rs runs it",
    ),
    (
        "wa keys rotate",
        "needs an endpoint that serves a key store; tests/it/rotate_commands.rs runs it",
    ),
    (
        "wa keys rollback",
        "needs a rotated key set; tests/it/rotate_commands.rs runs it",
    ),
    (
        "wa keys disable",
        "needs a rotated key set; tests/it/rotate_commands.rs runs it",
    ),
    (
        "wa keys enable",
        "needs a rotated key set; tests/it/rotate_commands.rs runs it",
    ),
    ("wa flow", "needs an endpoint; it has separate tests"),
    ("wa media", "needs a download; it has separate tests"),
    ("jq ", "needs a download; the next command has separate tests"),
    (
        "pbpaste",
        "only exists on macOS; the next command has separate tests",
    ),
];

pub(crate) fn exempt(command: &str) -> bool {
    EXEMPT.iter().any(|(prefix, _)| command.starts_with(prefix))
}

/// Returns the commands in the output of the program: in backticks, or on separate lines.
pub(crate) fn commands_in(text: &str) -> Vec<String> {
    let spans = text.lines().flat_map(|line| line.split('`').skip(1).step_by(2));
    let spans = spans.filter(|span| is_command(span)).map(ToOwned::to_owned);
    spans.chain(examples_in(text)).collect()
}

/// Returns the commands on indented lines, or after `$` or `next:`.
pub(crate) fn examples_in(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for line in text.lines() {
        let own = line
            .trim_start()
            .trim_start_matches("next: ")
            .trim_start_matches("$ ");
        // Text after two spaces is an explanation.
        let command = own.split("  ").next().unwrap_or_default();
        if own.len() < line.len() && is_command(command) {
            found.push(command.to_owned());
        }
    }
    found
}

/// Returns true for a program with arguments, but not for a program's name alone or followed by prose.
fn is_command(text: &str) -> bool {
    let mut words = text.split_whitespace();
    let program = words.next().unwrap_or_default();
    let rest: Vec<&str> = words.collect();
    PROGRAMS.contains(&program)
        && !rest.is_empty()
        && !text.contains('…')
        && !rest.iter().any(|word| {
            word.len() > 2 && *word != "DER" && word.chars().all(|c| c.is_ascii_uppercase() || c == '_')
        })
        && (program != "wa" || rest.len() > 1 || rest == ["demo"])
}

/// A directory in which commands are run.
pub(crate) struct Folder(tempfile::TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        // Without a terminal, ssh-keygen runs a program to get passphrases.
        folder.write(".ask", &format!("#!/bin/sh\necho '{PASSPHRASE}'\n"));
        fs::set_permissions(folder.path().join(".ask"), fs::Permissions::from_mode(0o700)).unwrap();
        folder
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        fs::write(self.path().join(name), text).unwrap();
    }

    /// Creates the files that an example reads, but not those that it writes.
    pub(crate) fn provide(&self, example: &str, fixtures: &[(String, PathBuf)]) {
        self.write("secret.txt", PASSPHRASE);
        self.write(".env", "OTHER=1\n");
        fs::create_dir_all(self.path().join("keys/106540352242922")).unwrap();
        if example.starts_with("wa keys generate") {
            return;
        }
        for (name, fixture) in [
            ("private.pem", "openssl-pkcs8.pem"),
            ("public.pem", "openssl-public.pem"),
            ("certificate.pem", "openssl-certificate.pem"),
            ("legacy.pem", "openssl-pkcs1.pem"),
            ("store.p12", "pkcs12-modern.p12"),
        ] {
            if !["--out ", "> "]
                .iter()
                .any(|before| example.contains(&format!("{before}{name}")))
            {
                let (_, file) = fixtures.iter().find(|(known, _)| known == fixture).unwrap();
                fs::copy(file, self.path().join(name)).unwrap();
            }
        }
    }

    /// Runs the command in a shell and returns its output. It must succeed and must not change an existing
    /// file.
    ///
    /// If its program is not installed, the command is skipped with a message.
    pub(crate) fn paste(&self, command: &str, environment: &[(&str, &str)]) -> String {
        if let Some(missing) = missing(command) {
            eprintln!("skipped, because {missing} is not installed: {command}");
            return String::new();
        }
        let before = self.contents();
        let binary = Path::new(env!("CARGO_BIN_EXE_wa")).parent().unwrap();
        let path = format!("{}:{}", binary.display(), std::env::var("PATH").unwrap());
        // Without a terminal, `openssl` and `keytool` read passphrases from standard input.
        let passphrases = self.path().join(".passphrases");
        fs::write(&passphrases, format!("{PASSPHRASE}\n").repeat(6)).unwrap();
        let shell_name = if missing("bash").is_none() { "bash" } else { "sh" };
        let mut shell = if missing("setsid").is_none() {
            let mut setsid = Command::new("setsid");
            setsid.args(["--wait", shell_name]);
            setsid
        } else {
            Command::new(shell_name)
        };
        let output = shell
            .args(["-c", command])
            .current_dir(self.path())
            .env("PATH", path)
            .env("NO_COLOR", "1")
            .env("WA_KEY_PASSPHRASE", PASSPHRASE)
            .env("WA_GRAPH_URL", "http://127.0.0.1:9")
            .env("SSH_ASKPASS", self.path().join(".ask"))
            .env("SSH_ASKPASS_REQUIRE", "force")
            .envs(environment.iter().copied())
            .stdin(Stdio::from(fs::File::open(passphrases).unwrap()))
            .output()
            .unwrap();
        let text = [output.stdout, output.stderr].concat();
        let text = String::from_utf8_lossy(&text).into_owned();
        assert!(
            output.status.success(),
            "`{command}` does not work as pasted:\n{text}"
        );
        let after = self.contents();
        for (name, contents) in before {
            assert!(
                after.get(&name) == Some(&contents),
                "`{command}` changes {}",
                name.display()
            );
        }
        text
    }

    fn contents(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut found = BTreeMap::new();
        let mut todo = vec![self.path().to_owned()];
        while let Some(folder) = todo.pop() {
            for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
                if path.is_dir() {
                    todo.push(path);
                } else {
                    found.insert(path.clone(), fs::read(path).unwrap());
                }
            }
        }
        found
    }
}

/// Returns the first program of the command that is not installed.
fn missing(command: &str) -> Option<&str> {
    let programs = command
        .split("&&")
        .filter_map(|part| part.split_whitespace().next());
    programs
        .filter(|program| !["wa", "eval"].contains(program))
        .find(|program| {
            let found = Command::new("sh")
                .args(["-c", &format!("command -v {program}")])
                .output();
            !found.unwrap().status.success()
        })
}
