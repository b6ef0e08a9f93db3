//! Secrets that a command prints.

#![cfg(unix)]

use std::error::Error as _;

use wa_secrets::{SecretSource, SecretSourceError};

fn run(command: &str) -> Result<String, SecretSourceError> {
    let found = SecretSource::Command(command.to_owned()).read(|_| None)?;
    Ok(found.expose_secret().to_owned())
}

#[test]
fn the_first_line_that_a_command_prints_is_the_secret() {
    assert_eq!(run("printf 'a secret \\r\\nmore'").unwrap(), "a secret ");
    assert_eq!(run("cat; echo done").unwrap(), "done", "it gets no input");
}

#[test]
fn a_failure_repeats_neither_the_command_nor_its_output() {
    for (command, expected) in [
        ("echo s3cr3t; echo s3cr3t >&2; exit 3", "exit status: 3"),
        (
            "true s3cr3t",
            "the first line of the output of the command is empty",
        ),
        ("head -c 70000 /dev/zero; : s3cr3t", "the output of the command"),
    ] {
        let error = run(command).unwrap_err();
        let mut text = format!("{error:?} {error}");
        if let Some(source) = error.source() {
            text.push_str(&source.to_string());
        }
        assert!(text.contains(expected) && !text.contains("s3cr3t"), "{text}");
        assert!(error.remedy().is_some());
    }
}
