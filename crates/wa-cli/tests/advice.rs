//! Every command that the program advises works as pasted, and changes no file that is there.

#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr, reason = "tests")]

#[path = "support/commands.rs"]
mod commands;
#[path = "support/emulator.rs"]
mod support;

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use commands::{Folder, PASSPHRASE, commands_in, examples_in};
use support::{Emulator, wa};

/// Every key file of the tests of `wa-keys`, with its path below their folder.
fn fixtures() -> Vec<(String, PathBuf)> {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../wa-keys/tests/data");
    let mut found = Vec::new();
    for folder in fs::read_dir(&data).unwrap().map(|entry| entry.unwrap().path()) {
        if folder.is_dir() {
            for file in fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()) {
                let name = file
                    .strip_prefix(&data)
                    .unwrap()
                    .to_str()
                    .unwrap()
                    .replace('/', "-");
                found.push((name, file));
            }
        }
    }
    found.sort();
    assert!(found.len() > 80);
    found
}

/// What the program advises about a file, as people see it: with the passphrase of the test files and without.
fn advised(folder: &Folder, name: &str) -> String {
    let mut text = String::new();
    for passphrase in ["", PASSPHRASE] {
        for command in ["inspect", "public"] {
            let output = wa()
                .args(["keys", command, name])
                .env("WA_KEY_PASSPHRASE", passphrase)
                .current_dir(folder.path())
                .output()
                .unwrap();
            text.push_str(&String::from_utf8(output.stdout).unwrap());
            text.push_str(&String::from_utf8(output.stderr).unwrap());
        }
    }
    text
}

#[test]
fn what_is_advised_about_every_kind_of_file_works_and_changes_none() {
    let folder = Folder::new();
    let (mut kinds, mut pasted) = (BTreeSet::new(), Vec::new());
    for (name, file) in fixtures() {
        fs::copy(&file, folder.path().join(&name)).unwrap();
        fs::set_permissions(folder.path().join(&name), fs::Permissions::from_mode(0o600)).unwrap();
        if NOT_CONVERTED.contains(&name.as_str()) {
            continue;
        }
        let text = advised(&folder, &name);
        let form: BTreeSet<String> = text
            .lines()
            .filter(|line| line.starts_with("  form "))
            .map(ToOwned::to_owned)
            .collect();
        // The same command for the same form is pasted once.
        for command in commands_in(&text) {
            let words: Vec<&str> = command
                .split_whitespace()
                .filter(|word| !word.contains('.'))
                .collect();
            if kinds.insert((words.join(" ").replace(char::is_numeric, ""), form.clone())) {
                folder.paste(&command, &[]);
                pasted.push(command);
            }
        }
    }
    for expected in PASTED {
        assert!(
            pasted.iter().any(|command| command.starts_with(expected)),
            "`{expected}` is advised about no file: {pasted:#?}"
        );
    }
}

#[test]
fn a_file_name_that_needs_quotes_gets_them() {
    let folder = Folder::new();
    let (_, legacy) = fixtures()
        .into_iter()
        .find(|(name, _)| name == "openssl-pkcs1.pem")
        .unwrap();
    let name = "it's $HOME.pem";
    fs::copy(&legacy, folder.path().join(name)).unwrap();
    // Its mode is that of a checkout, so `chmod` is advised too.
    let commands: BTreeSet<String> = commands_in(&advised(&folder, name)).into_iter().collect();
    assert_eq!(commands.len(), 2, "{commands:?}");
    for command in &commands {
        folder.paste(command, &[]);
    }
    assert!(folder.path().join("it's $HOME-protected.pem").exists());
}

#[test]
fn an_existing_file_is_never_advised_away() {
    let folder = Folder::new();
    folder.write("private.pem", "a key that somebody needs");
    for arguments in [&["generate"][..], &["generate", "--no-passphrase"]] {
        let output = wa()
            .arg("keys")
            .args(arguments)
            .current_dir(folder.path())
            .output()
            .unwrap();
        let text = String::from_utf8(output.stderr).unwrap();
        assert!(
            text.contains("exists already") && !text.contains("--force"),
            "{text}"
        );
    }
}

/// What `wa keys generate` and the commands after it print as the next step, against an emulator.
#[test]
fn the_next_steps_after_a_new_key_work() {
    let emulator = Emulator::start(&["106540352242922"]);
    let folder = Folder::new();
    let (url, token) = (emulator.url(), emulator.token());
    let environment = [
        ("WA_GRAPH_URL", url.as_str()),
        ("WA_ACCESS_TOKEN", token.as_str()),
        ("WA_PHONE_NUMBER_ID", "106540352242922"),
    ];
    let mut todo = vec!["wa keys generate".to_owned()];
    let mut done = BTreeSet::new();
    while let Some(command) = todo.pop() {
        if done.len() > 20 || !done.insert(command.clone()) || commands::exempt(&command) {
            continue;
        }
        todo.extend(commands_in(&folder.paste(&command, &environment)));
    }
    assert!(done.len() > 1, "{done:?}");
}

/// The examples in the help of every command.
#[test]
fn the_examples_in_the_help_work() {
    let emulator = Emulator::start(&["106540352242922", "1065", "1066"]);
    let (url, token) = (emulator.url(), emulator.token());
    let mut pages = vec![vec![]];
    let mut pasted = 0;
    while let Some(page) = pages.pop() {
        let output = wa()
            .args(&page)
            .arg("--help")
            .env("COLUMNS", "300")
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        pages.extend(
            subcommands(&text)
                .into_iter()
                .map(|name| [page.clone(), vec![name]].concat()),
        );
        for command in examples_in(&text)
            .iter()
            .filter(|command| !commands::exempt(command))
        {
            let folder = Folder::new();
            folder.provide(command, &fixtures());
            let environment = [
                ("WA_GRAPH_URL", url.as_str()),
                ("WA_ACCESS_TOKEN", token.as_str()),
                ("WA_PHONE_NUMBER_ID", "106540352242922"),
            ];
            if command.contains(" verify ") {
                folder.paste("wa encryption set public.pem", &environment);
            }
            folder.paste(command, &environment);
            pasted += 1;
        }
    }
    assert!(pasted > 8, "{pasted}");
}

fn subcommands(help: &str) -> Vec<String> {
    let names = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    names
        .take_while(|line| line.starts_with("  "))
        .filter(|line| !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| *name != "help")
        .map(ToOwned::to_owned)
        .collect()
}

/// Encrypted files that are advised to be converted because nothing is known of what is in them without their passphrase:
/// two hold EC keys, one no key, one has another passphrase, and four an empty one.
const NOT_CONVERTED: &[&str] = &[
    "refused-ec-encrypted.pem",
    "refused-ec-traditional.pem",
    "refused-no-key.p12",
    "openssl-unicode-passphrase.pem",
    "openssl-empty-passphrase.pem",
    "openssl-empty-passphrase-pbe.pem",
    "pkcs12-empty-passphrase.p12",
    "pkcs12-empty-passphrase-legacy.p12",
];

/// How every command begins that is advised about one of the test files.
const PASTED: &[&str] = &[
    "wa keys convert ",
    "wa keys public ",
    "wa keys generate ",
    "openssl pkcs8 -topk8 ",
    "openssl req ",
    "openssl req -inform DER ",
    "openssl pkcs7 -in ",
    "openssl pkcs7 -inform DER ",
    "ssh-keygen -e ",
    "ssh-keygen -i ",
    "install -m 600 ",
    "openssl pkcs12 -legacy ",
    "keytool -importkeystore ",
];

/// Commands in texts of the crates that no test here pastes, and why that is right.
const NOT_PASTED: &[(&str, &str)] = &[
    ("puttygen {source}", "PuTTY is on few machines"),
    (
        "chmod 600",
        "names the mode; with the name of a file it is pasted above",
    ),
    ("openssl req{der} -in {source}", "pasted above in both forms"),
    ("openssl pkcs7{der} -in {source}", "pasted above in both forms"),
    (
        "with `openssl pkey`",
        "names a program that decrypts, without a file",
    ),
    (
        "(openssl x509 -req -extfile …)",
        "names an option, not a whole command",
    ),
    (
        "wa flow check --sign-flow-token",
        "names an option, not a whole command",
    ),
    (
        "wa flow decrypt {name} --key PRIVATE_KEY",
        "the name of the private key is not known; tests/media.rs compares the command",
    ),
    ("`wa encryption get`", "names a command without arguments"),
    ("`wa keys generate`", "names a command without arguments"),
    ("`wa keys convert`", "names a command without arguments"),
    ("`wa gateway", "names a command without arguments"),
    ("`wa flow`", "names a command without arguments"),
    ("`wa flow check --help`", "shows a help page"),
    ("sent by wa flow send", "a text that is sent"),
    ("next: wa ", "pasted by the_next_steps_after_a_new_key_work"),
    (
        "wa encryption set ",
        "pasted by the_next_steps_after_a_new_key_work",
    ),
    (
        "wa encryption verify ",
        "pasted by the_next_steps_after_a_new_key_work",
    ),
];

/// The texts of all crates hold no other command than those that a test pastes or that are listed with a reason.
#[test]
fn no_text_holds_a_command_that_no_test_knows() {
    const PROGRAMS: &[&str] = &[
        "openssl ",
        "ssh-keygen ",
        "keytool ",
        "puttygen ",
        "chmod ",
        "install -m",
        "wa keys ",
        "wa encryption ",
        "wa gateway",
        "wa flow",
        "wa media ",
        "wa emulator",
        "wa demo",
    ];
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut unknown = Vec::new();
    for file in sources(&crates) {
        // The examples of the help are pasted from the help itself.
        if file.components().any(|part| part.as_os_str() == "args") || file.ends_with("wa-cli/src/args.rs") {
            continue;
        }
        let text = fs::read_to_string(&file).unwrap();
        for line in text.split("#[cfg(test)]").next().unwrap().lines().map(str::trim) {
            let is_code = line.contains("match openssl {") || line.contains("let openssl =");
            if is_code || line.starts_with("//") || !PROGRAMS.iter().any(|program| line.contains(program)) {
                continue;
            }
            let mut known = NOT_PASTED.iter().map(|(text, _)| text).chain(PASTED);
            if !known.any(|text| line.contains(text)) && !prose(line) {
                unknown.push(format!("{}: {line}", file.display()));
            }
        }
    }
    assert!(
        unknown.is_empty(),
        "paste them in a test, or list them with a reason: {unknown:#?}"
    );
}

/// True for prose that names a program and no argument.
fn prose(line: &str) -> bool {
    [
        "with OpenSSL",
        "with ssh-keygen",
        "with keytool",
        "with puttygen",
        "openssl reads",
    ]
    .iter()
    .any(|words| line.contains(words))
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut todo: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path().join("src"))
        .filter(|path| path.is_dir())
        .collect();
    while let Some(folder) = todo.pop() {
        for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                todo.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}
