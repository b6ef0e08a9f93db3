//! Sources of keys and secrets: files, pipes that can be read only once, and standard input.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use crate::support::{of_keys, stderr, stdout, wa};

const OLD: &str = "the old passphrase";
const NEW: &str = "the new passphrase";

/// Runs `wa` in a directory with `input` on standard input.
fn fed(folder: &Path, args: &[&str], input: &[u8], variables: &[(&str, &str)]) -> Output {
    let mut command = wa();
    command
        .args(args)
        .current_dir(folder)
        .envs(variables.iter().copied());
    let mut child = piped(&mut command).spawn().unwrap();
    // A run that fails early does not read its input.
    let _ = child.stdin.take().unwrap().write_all(input);
    child.wait_with_output().unwrap()
}

fn piped(command: &mut Command) -> &mut Command {
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
}

/// Creates a directory with an encrypted key pair, its passphrase and another passphrase.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("old.txt"), OLD).unwrap();
    fs::write(folder.path().join("new.txt"), NEW).unwrap();
    let generate = ["keys", "generate", "--passphrase-file", "old.txt"];
    let output = fed(folder.path(), &generate, b"", &[]);
    assert!(output.status.success(), "{}", stderr(&output));
    folder
}

/// Returns true if the passphrase decrypts the file.
fn opens(folder: &Path, file: &str, passphrase: &str) -> bool {
    let variables = [("WA_KEY_PASSPHRASE", passphrase)];
    fed(folder, &["keys", "public", file], b"", &variables)
        .status
        .success()
}

#[cfg(unix)]
#[test]
fn an_encrypted_key_from_a_pipe_is_read_once() {
    let folder = folder();
    let pem = fs::read(folder.path().join("private.pem")).unwrap();
    let commands: [&[&str]; 3] = [
        &["keys", "public", "/dev/stdin"],
        &["keys", "public", "-"],
        &["keys", "convert", "/dev/stdin", "--out", "converted.pem"],
    ];
    for args in commands {
        let output = fed(folder.path(), args, &pem, &[("WA_KEY_PASSPHRASE", OLD)]);
        assert!(output.status.success(), "{args:?}: {}", stderr(&output));
    }
    let again = ["keys", "convert", "private.pem", "--out", "again.pem"];
    let from_a_pipe = [&again[..], &["--passphrase-file", "/dev/stdin"]].concat();
    let output = fed(folder.path(), &from_a_pipe, OLD.as_bytes(), &[]);
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(opens(folder.path(), "again.pem", OLD));
}

#[test]
fn a_converted_key_gets_the_passphrase_of_highest_precedence() {
    let folder = folder();
    let convert = |name: &str, options: &[&str], variables: &[(&str, &str)]| {
        let args = [&["keys", "convert", "private.pem", "--out", name][..], options].concat();
        let output = fed(folder.path(), &args, b"", variables);
        assert!(output.status.success(), "{name}: {}", stderr(&output));
    };
    let (old_file, new_file) = (
        ["--passphrase-file", "old.txt"],
        ["--new-passphrase-file", "new.txt"],
    );
    let (old, new) = (("WA_KEY_PASSPHRASE", OLD), ("WA_NEW_KEY_PASSPHRASE", NEW));
    let neither = ("WA_NEW_KEY_PASSPHRASE", "not used");
    convert("a.pem", &[old_file, new_file].concat(), &[neither]);
    convert("b.pem", &old_file, &[new]);
    convert("c.pem", &[], &[old, new]);
    for name in ["a.pem", "b.pem", "c.pem"] {
        assert!(opens(folder.path(), name, NEW), "{name}");
    }
    convert("d.pem", &old_file, &[("WA_KEY_PASSPHRASE", "not used")]);
    convert("e.pem", &[], &[old]);
    for name in ["d.pem", "e.pem"] {
        assert!(opens(folder.path(), name, OLD), "{name}");
    }
}

#[test]
fn a_passphrase_from_standard_input_is_used_for_several_keys() {
    let folder = folder();
    let convert = ["keys", "convert", "private.pem", "--out", "new.pem"];
    let args = [&convert[..], &["--passphrase-file", "-"]].concat();
    let output = fed(folder.path(), &args, OLD.as_bytes(), &[]);
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(opens(folder.path(), "new.pem", OLD));

    fs::write(folder.path().join("body.json"), "{}").unwrap();
    let args = [
        "--passphrase-file",
        "-",
        "--key",
        "private.pem",
        "--key",
        "new.pem",
    ];
    let args = [&["flow", "decrypt", "body.json"][..], &args].concat();
    let output = fed(folder.path(), &args, OLD.as_bytes(), &[]);
    assert_eq!(
        output.status.code(),
        Some(1),
        "the keys are read, but the body is invalid"
    );
}

#[test]
fn standard_input_can_be_used_only_once() {
    let folder = folder();
    let pem = fs::read(folder.path().join("private.pem")).unwrap();
    let (line, token) = (OLD.as_bytes(), b"EAAtoken".as_slice());
    let convert = |options: &[&'static str]| [&["keys", "convert", "--out", "new.pem"][..], options].concat();
    let number = ["--phone-number-id", "106540352242922"];
    let send = ["flow", "send", "http://127.0.0.1:1", "--public-key", "-"];
    let runs: [(Vec<&str>, &[u8]); 8] = [
        (convert(&["-", "--passphrase-file", "-"]), &pem),
        (
            convert(&["-", "--passphrase-file", "old.txt", "--new-passphrase-file", "-"]),
            &pem,
        ),
        (
            convert(&[
                "private.pem",
                "--passphrase-file",
                "-",
                "--new-passphrase-file",
                "-",
            ]),
            line,
        ),
        (vec!["keys", "inspect", "-", "-"], &pem),
        (
            [
                &["encryption", "set", "-", "--access-token-file", "-"][..],
                &number,
            ]
            .concat(),
            token,
        ),
        (
            [
                &[
                    "encryption",
                    "get",
                    "--access-token-file",
                    "-",
                    "--app-secret-file",
                    "-",
                ][..],
                &number,
            ]
            .concat(),
            token,
        ),
        ([&send[..], &["--app-secret-file", "-"]].concat(), &pem),
        ([&send[..], &["--screen", "A", "--data", "@-"]].concat(), b"{}"),
    ];
    for (args, input) in runs {
        let output = fed(folder.path(), &args, input, &[("WA_KEY_PASSPHRASE", OLD)]);
        let printed = stdout(&output) + &stderr(&output);
        assert_eq!(output.status.code(), Some(2), "{args:?}: {printed}");
        assert!(
            printed.contains("standard input is given more than once"),
            "{args:?}: {printed}"
        );
        assert!(!folder.path().join("new.pem").exists());
    }
}

#[test]
fn a_secret_instead_of_a_file_name_is_never_printed() {
    let folder = folder();
    let runs: [(&[&str], &str, &str); 4] = [
        (&["encryption", "get"], "--access-token-file", "WA_ACCESS_TOKEN"),
        (&["encryption", "get"], "--app-secret-file", "WA_APP_SECRET"),
        (
            &["encryption", "set", "private.pem"],
            "--passphrase-file",
            "WA_KEY_PASSPHRASE",
        ),
        (
            &["keys", "convert", "private.pem", "--out", "new.pem"],
            "--new-passphrase-file",
            "WA_NEW_KEY_PASSPHRASE",
        ),
    ];
    fs::write(folder.path().join("empty.txt"), "\n").unwrap();
    for (command, option, variable) in runs {
        let variables = [
            ("WA_ACCESS_TOKEN", "EAAtoken"),
            ("WA_KEY_PASSPHRASE", OLD),
            ("WA_PHONE_NUMBER_ID", "106540352242922"),
        ];
        let run = |file: &str| {
            let output = fed(
                folder.path(),
                &[command, &[option, file]].concat(),
                b"",
                &variables,
            );
            assert_eq!(output.status.code(), Some(2), "{option}");
            stderr(&output)
        };
        let printed = run("the-secret-itself");
        assert!(!printed.contains("the-secret-itself"), "{printed}");
        assert!(
            printed.contains(option) && printed.contains(variable),
            "{printed}"
        );
        assert!(run("empty.txt").contains(option));
    }
}

#[test]
fn keys_in_every_container_are_converted() {
    let folder = tempfile::tempdir().unwrap();
    let files = [
        ("modern.p12", of_keys("pkcs12/modern.p12")),
        ("legacy.p12", of_keys("pkcs12/legacy.p12")),
        ("key.json", of_keys("jwk/private.json")),
        ("pbe.pem", of_keys("openssl/pbe-sha1-3des.pem")),
        ("secret.yaml", of_keys("kubernetes/secret.yaml")),
    ];
    let expected = of_keys("openssl/public.pem");
    for (name, contents) in files {
        fs::write(folder.path().join(name), contents).unwrap();
        let out = format!("{name}.pem");
        let converted = wa()
            .args(["keys", "convert", name, "--out", &out, "--no-passphrase"])
            .env("WA_KEY_PASSPHRASE", "correct horse")
            .current_dir(folder.path())
            .output()
            .unwrap();
        assert!(converted.status.success(), "{name}: {}", stderr(&converted));
        let public = wa()
            .args(["keys", "public", &out])
            .current_dir(folder.path())
            .output()
            .unwrap();
        assert_eq!(public.stdout, expected, "{name}");
    }
}

#[test]
fn a_key_with_an_empty_passphrase_needs_the_option() {
    let folder = tempfile::tempdir().unwrap();
    for name in [
        "openssl/empty-passphrase.pem",
        "pkcs12/empty-passphrase-legacy.p12",
    ] {
        fs::write(folder.path().join("key"), of_keys(name)).unwrap();
        let public = |arguments: &[&str]| {
            wa().args(["keys", "public", "key"])
                .args(arguments)
                .current_dir(folder.path())
                .output()
                .unwrap()
        };
        let without = public(&[]);
        assert_eq!(without.status.code(), Some(1));
        assert!(
            stderr(&without).contains("--empty-passphrase"),
            "{}",
            stderr(&without)
        );
        assert_eq!(
            public(&["--empty-passphrase"]).stdout,
            of_keys("openssl/public.pem"),
            "{name}"
        );
    }
    // An empty passphrase is never used for the new file.
    let convert = ["keys", "convert", "key", "--empty-passphrase", "--out", "new.pem"];
    let convert = wa().args(convert).current_dir(folder.path()).output().unwrap();
    assert!(!convert.status.success() && !folder.path().join("new.pem").exists());
    let inspect = ["keys", "inspect", "key", "--empty-passphrase"];
    let inspect = wa().args(inspect).current_dir(folder.path()).output().unwrap();
    assert!(stdout(&inspect).contains("fingerprint"), "{}", stdout(&inspect));
}
