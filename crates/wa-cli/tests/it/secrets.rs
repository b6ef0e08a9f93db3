//! Secret files: encodings of Windows tools, files that others can read, and `--env-file`.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use tempfile::TempDir;

use crate::support::{code, stderr, stdout, wa};

const PASSPHRASE: &str = "größer als 🔑";

fn run(folder: &Path, args: &[&str]) -> (i32, String) {
    let output = wa().args(args).current_dir(folder).output().unwrap();
    (code(&output), stdout(&output) + &stderr(&output))
}

fn write(folder: &Path, name: &str, bytes: &[u8], mode: u32) {
    let path = folder.join(name);
    fs::write(&path, bytes).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
}

/// Creates a directory with a key that is encrypted with the passphrase in `plain.txt`.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "plain.txt", PASSPHRASE.as_bytes(), 0o600);
    let generate = ["keys", "generate", "--passphrase-file", "plain.txt"];
    let (status, printed) = run(folder.path(), &generate);
    assert_eq!(status, 0, "{printed}");
    assert!(!printed.contains("warning"), "{printed}");
    folder
}

#[test]
fn a_byte_order_mark_is_not_part_of_a_passphrase() {
    let folder = folder();
    let marked = format!("\u{feff}{PASSPHRASE}\r\n");
    let utf16: Vec<u8> = marked.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let public = |file: &str| {
        run(
            folder.path(),
            &["keys", "public", "private.pem", "--passphrase-file", file],
        )
    };
    for (name, bytes) in [("notepad.txt", marked.as_bytes()), ("powershell.txt", &utf16)] {
        write(folder.path(), name, bytes, 0o600);
        let (status, printed) = public(name);
        assert_eq!(status, 0, "{name}: {printed}");
        // A key that is encrypted with this file opens with the plain passphrase.
        let out = format!("{name}.pem");
        let convert = ["keys", "convert", "private.pem", "--out", &out];
        let (status, printed) = run(
            folder.path(),
            &[
                &convert[..],
                &["--passphrase-file", "plain.txt", "--new-passphrase-file", name],
            ]
            .concat(),
        );
        assert_eq!(status, 0, "{name}: {printed}");
        let (status, printed) = run(
            folder.path(),
            &["keys", "public", &out, "--passphrase-file", "plain.txt"],
        );
        assert_eq!(status, 0, "{name}: {printed}");
    }
    write(folder.path(), "binary.txt", b"a\0b\n", 0o600);
    let (status, printed) = public("binary.txt");
    assert_eq!(status, 2);
    assert!(printed.contains("binary.txt contains NUL bytes"), "{printed}");
}

#[test]
fn a_file_that_others_can_read_is_a_warning_and_an_error_with_strict() {
    let folder = folder();
    write(folder.path(), "open.txt", PASSPHRASE.as_bytes(), 0o644);
    let public = ["keys", "public", "private.pem", "--passphrase-file", "open.txt"];
    let (status, printed) = run(folder.path(), &public);
    assert_eq!(status, 0, "{printed}");
    assert!(
        printed.contains(
            "the secret in open.txt can be accessed by others (mode 0644); remove the access with chmod \
             600: `chmod 600 open.txt`"
        ),
        "{printed}"
    );
    let (status, printed) = run(folder.path(), &[&public[..], &["--strict"]].concat());
    assert_eq!(status, 2, "{printed}");
    assert!(printed.contains("refused because of --strict"), "{printed}");
    assert!(
        printed.contains("hint: remove the access with chmod 600: `chmod 600 open.txt`"),
        "{printed}"
    );

    fs::set_permissions(
        folder.path().join("private.pem"),
        fs::Permissions::from_mode(0o640),
    )
    .unwrap();
    let public = [
        "--strict",
        "keys",
        "public",
        "private.pem",
        "--passphrase-file",
        "plain.txt",
    ];
    let (status, printed) = run(folder.path(), &public);
    assert_eq!(status, 2, "{printed}");
    assert!(
        printed.contains("the private key private.pem can be accessed"),
        "{printed}"
    );
}

#[test]
fn an_unusual_app_secret_is_a_warning_and_an_error_with_strict() {
    let folder = folder();
    write(folder.path(), "app-secret.txt", b"my-verify-token\n", 0o600);
    let send = [
        "flow",
        "send",
        "http://127.0.0.1:1/flow",
        "--public-key",
        "public.pem",
        "--app-secret-file",
        "app-secret.txt",
    ];
    let (_, printed) = run(folder.path(), &send);
    assert!(
        printed.contains("warning: the app secret is not 32 lowercase hexadecimal digits"),
        "{printed}"
    );
    let (status, printed) = run(folder.path(), &[&send[..], &["--strict"]].concat());
    assert_eq!(status, 2, "{printed}");
    assert!(printed.contains("refused because of --strict"), "{printed}");
    assert!(!printed.contains("my-verify-token"), "{printed}");
}

#[test]
fn env_file_takes_a_separate_argument_and_reports_line_numbers() {
    let folder = folder();
    let settings = format!("\u{feff}# settings\r\nWA_KEY_PASSPHRASE='{PASSPHRASE}'\r\n");
    let utf16: Vec<u8> = settings.encode_utf16().flat_map(u16::to_be_bytes).collect();
    for bytes in [settings.as_bytes(), &utf16] {
        write(folder.path(), "settings.env", bytes, 0o600);
        for option in [&["--env-file", "settings.env"][..], &["--env-file=settings.env"]] {
            let (status, printed) = run(
                folder.path(),
                &[option, &["keys", "public", "private.pem"]].concat(),
            );
            assert_eq!(status, 0, "{printed}");
        }
    }
    write(
        folder.path(),
        "bad.env",
        b"WA_PHONE_NUMBER_ID=1\n\nWA_KEY_PASSPHRASE=correct horse\n",
        0o600,
    );
    let (status, printed) = run(
        folder.path(),
        &["--env-file", "bad.env", "keys", "public", "private.pem"],
    );
    assert_eq!(status, 2);
    assert!(printed.contains("the settings in bad.env: line 3: "), "{printed}");
    assert!(
        !printed.contains("correct") && !printed.contains("horse"),
        "{printed}"
    );
}

#[test]
fn an_empty_passphrase_file_suggests_no_passphrase() {
    let folder = folder();
    write(folder.path(), "empty.txt", b"\n", 0o600);
    let generate = ["keys", "generate", "--force", "--passphrase-file", "empty.txt"];
    let (status, printed) = run(folder.path(), &generate);
    assert_eq!(status, 2, "{printed}");
    assert!(
        printed.contains("the first line of empty.txt is empty"),
        "{printed}"
    );
    assert!(printed.contains("--no-passphrase"), "{printed}");
}

#[test]
fn check_reports_all_problems_at_once() {
    let folder = folder();
    let config = "[[endpoint]]\nkeys = \"no-such-keys\"\napp_secret_env = \"MY_APP_SECRET\"\n\
                  upstream = \"http://127.0.0.1:9/flow\"\n";
    write(folder.path(), "gateway.toml", config.as_bytes(), 0o600);
    let (status, printed) = run(folder.path(), &["gateway", "--config", "gateway.toml", "--check"]);
    assert_eq!(status, 2, "{printed}");
    assert!(
        printed.contains("the environment variable MY_APP_SECRET is not set"),
        "{printed}"
    );
    assert!(printed.contains("no-such-keys"), "{printed}");

    let flags = [
        "gateway",
        "--check",
        "--keys",
        "no-such-keys",
        "--upstream",
        "http://127.0.0.1:9/flow",
    ];
    let (status, printed) = run(folder.path(), &flags);
    assert_eq!(status, 2, "{printed}");
    assert!(printed.contains("WA_APP_SECRET"), "{printed}");
    assert!(printed.contains("no-such-keys"), "{printed}");
}

#[test]
fn the_gateway_warns_about_secrets_that_others_can_read_and_refuses_them_if_strict() {
    let folder = folder();
    write(folder.path(), "app-secret.txt", b"\xef\xbb\xbfnot-hex\r\n", 0o644);
    write(folder.path(), "passphrase.txt", PASSPHRASE.as_bytes(), 0o640);
    let check = [
        "gateway",
        "--check",
        "--keys",
        "private.pem",
        "--passphrase-file",
        "passphrase.txt",
        "--app-secret-file",
        "app-secret.txt",
        "--upstream",
        "http://127.0.0.1:9/flow",
    ];
    let (status, printed) = run(folder.path(), &check);
    assert_eq!(status, 0, "{printed}");
    assert!(
        printed.contains("app-secret.txt can be accessed by others"),
        "{printed}"
    );
    assert!(
        printed.contains("not 32 lowercase hexadecimal digits"),
        "{printed}"
    );
    // Orchestrators give a program access to a file through its group.
    assert!(!printed.contains("passphrase.txt can be"), "{printed}");
    for strict in ["--strict", "--strict-secrets"] {
        let (status, printed) = run(folder.path(), &[&check[..], &[strict]].concat());
        assert_eq!(status, 2, "{printed}");
        assert_eq!(printed.matches("refused because of").count(), 2, "{printed}");
    }
}
