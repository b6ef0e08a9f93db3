//! Every command that the program suggests works as pasted, and changes no existing file.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use crate::support::commands::{Folder, PASSPHRASE, commands_in, examples_in, exempt};
use crate::support::{Emulator, wa};

/// Returns the key files of the tests of `wa-keys`, each with a name that contains its directory.
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

/// Returns the output of the program about a file, without a passphrase and with the one of the test files.
fn output_about(folder: &Folder, name: &str) -> String {
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
fn suggested_commands_for_every_key_format_work_and_change_no_file() {
    let folder = Folder::new();
    let (mut kinds, mut pasted) = (BTreeSet::new(), Vec::new());
    for (name, file) in fixtures() {
        fs::copy(&file, folder.path().join(&name)).unwrap();
        fs::set_permissions(folder.path().join(&name), fs::Permissions::from_mode(0o600)).unwrap();
        if NOT_CONVERTED.contains(&name.as_str()) {
            continue;
        }
        let text = output_about(&folder, &name);
        let form: BTreeSet<String> = text
            .lines()
            .filter(|line| line.starts_with("  format "))
            .map(ToOwned::to_owned)
            .collect();
        // The same command for the same format is pasted once.
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
            "`{expected}` is suggested for no file: {pasted:#?}"
        );
    }
}

#[test]
fn file_names_in_commands_are_quoted() {
    let folder = Folder::new();
    let (_, legacy) = fixtures()
        .into_iter()
        .find(|(name, _)| name == "openssl-pkcs1.pem")
        .unwrap();
    let name = "it's $HOME.pem";
    fs::copy(&legacy, folder.path().join(name)).unwrap();
    // The file has the mode of a checkout, so `chmod` is suggested too.
    let commands: BTreeSet<String> = commands_in(&output_about(&folder, name)).into_iter().collect();
    assert_eq!(commands.len(), 2, "{commands:?}");
    for command in &commands {
        folder.paste(command, &[]);
    }
    assert!(folder.path().join("it's $HOME-protected.pem").exists());
}

#[test]
fn no_hint_suggests_overwriting_an_existing_file() {
    let folder = Folder::new();
    folder.write("private.pem", "an existing key");
    for arguments in [&["generate"][..], &["generate", "--no-passphrase"]] {
        let output = wa()
            .arg("keys")
            .args(arguments)
            .current_dir(folder.path())
            .output()
            .unwrap();
        let text = String::from_utf8(output.stderr).unwrap();
        assert!(text.contains("exists") && !text.contains("--force"), "{text}");
    }
}

/// Runs the next steps that `wa keys generate` and the following commands print, against an emulator.
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
        if done.len() > 20 || !done.insert(command.clone()) || exempt(&command) {
            continue;
        }
        todo.extend(commands_in(&folder.paste(&command, &environment)));
    }
    assert!(done.len() > 1, "{done:?}");
}

/// Runs the examples in the help of every command.
#[test]
fn help_examples_work() {
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
        for command in examples_in(&text).iter().filter(|command| !exempt(command)) {
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

/// Encrypted files for which a conversion is suggested, because their content is not known without the
/// passphrase: two contain EC keys, one contains no key, one has another passphrase, and four have an empty
/// one.
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

/// The beginnings of all commands that are suggested for the test files.
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

/// Commands in texts of the crates that no test in this file pastes, with the reason.
const NOT_PASTED: &[(&str, &str)] = &[
    ("puttygen {source}", "PuTTY is rarely installed"),
    (
        "chmod 600",
        "names only the mode; the command with a file name is pasted above",
    ),
    ("openssl req{der} -in {source}", "both forms are pasted above"),
    ("openssl pkcs7{der} -in {source}", "both forms are pasted above"),
    ("(`openssl pkey` decrypts one)", "names a program, without a file"),
    (
        "(`openssl x509 -req -extfile …` creates one)",
        "names an option, not a complete command",
    ),
    (
        "wa flow check --sign-flow-token",
        "names an option, not a complete command",
    ),
    (
        "wa flow decrypt {name} --key PRIVATE_KEY",
        "the name of the private key is not known; tests/it/media.rs compares the command",
    ),
    (
        "send it (wa flow check \\",
        "names an option, not a complete command",
    ),
    ("`wa encryption get`", "names a command without arguments"),
    ("`wa keys generate`", "names a command without arguments"),
    ("`wa keys convert`", "names a command without arguments"),
    ("`wa keys rotate`", "names a command without arguments"),
    ("`wa keys import`", "names a command without arguments"),
    ("`wa keys status`", "names a command without arguments"),
    (
        "`wa keys import FILE`",
        "the file is not known; tests/it/key_store.rs imports one",
    ),
    (
        "`wa keys enable {key}`",
        "needs a disabled key; tests/it/rotate_commands.rs enables one",
    ),
    (
        "`wa keys rotate --set SET`",
        "needs an endpoint; rotations have separate tests",
    ),
    (
        "chmod -R go= ",
        "changes the modes of a directory, not its content",
    ),
    (
        "wa keys rotate --store {",
        "advice of the doctor; rotations have separate tests",
    ),
    ("`wa gateway", "names a command without arguments"),
    ("`wa flow`", "names a command without arguments"),
    ("`wa flow check --help`", "shows a help page"),
    (
        "sent by wa flow send",
        "the default message of an error notification",
    ),
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

/// Checks that texts in the crates contain only commands that a test pastes, or that are listed with a
/// reason.
#[test]
fn every_command_in_a_text_is_tested_or_listed() {
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
        // Examples in help texts are pasted from the output of --help.
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
        "paste these commands in a test, or list them with a reason: {unknown:#?}"
    );
}

/// Returns true for prose that names a program without arguments.
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
