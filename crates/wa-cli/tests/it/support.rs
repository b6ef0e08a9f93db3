//! Support for the tests: the program with clean settings, its output, and processes that keep running.

#[cfg(unix)]
pub(crate) mod commands;
mod emulator;
mod output;
mod process;

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

pub(crate) use emulator::Emulator;
pub(crate) use output::{code, json, stderr, stdout};
pub(crate) use process::Process;

/// Directory of the test files. Tests run in the directory of the crate.
pub(crate) const DATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data");
/// Private key of `PUBLIC`.
pub(crate) const PRIVATE: &str = "tests/data/test-only-private.pem";
pub(crate) const PUBLIC: &str = "tests/data/test-only-public.pem";
/// Public key of another pair.
pub(crate) const OTHER_PUBLIC: &str = "tests/data/test-only-other-public.pem";
/// App secret of the tests' endpoints.
pub(crate) const APP_SECRET: &str = "feedfacefeedfacefeedfacefeedface";

/// Variables that are removed, so that the developer's own settings do not reach the program.
const SETTINGS: &[&str] = &[
    "WA_ACCESS_TOKEN",
    "CLOUD_API_ACCESS_TOKEN",
    "WA_PHONE_NUMBER_ID",
    "WA_APP_SECRET",
    "WA_GRAPH_URL",
    "WA_API_VERSION",
    "WA_KEY_PASSPHRASE",
    "WA_KEY_PASSPHRASE_COMMAND",
    "WA_KEY_STORE",
    "WA_NEW_KEY_PASSPHRASE",
    "WA_KEY_STORE",
];

pub(crate) fn wa() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wa"));
    for name in SETTINGS {
        command.env_remove(name);
    }
    command.env("NO_COLOR", "1").stdin(Stdio::null());
    command
}

/// Clears the settings for transcripts. An empty variable counts as not set.
pub(crate) fn clean(cases: &trycmd::TestCases) {
    cases.env("NO_COLOR", "1").env("COLUMNS", "100");
    for name in SETTINGS {
        cases.env(*name, "");
    }
}

/// Restricts access to the secret files: in a checkout, others can read them, and the program warns.
pub(crate) fn close_secret_files() {
    #[cfg(unix)]
    for name in [
        "test-only-private.pem",
        "test-only-encrypted.pem",
        "test-only-cut.pem",
        "passphrase.txt",
        "app-secret.txt",
        "README.md",
    ] {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::Permissions::from_mode(0o600);
        std::fs::set_permissions(format!("{DATA}/{name}"), mode).unwrap();
    }
}

/// Writes a file, and returns its path.
pub(crate) fn written(folder: &Path, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, bytes).unwrap();
    path
}

/// Reads a test file of `wa-keys`.
pub(crate) fn of_keys(name: &str) -> Vec<u8> {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../wa-keys/tests/data");
    std::fs::read(data.join(name)).unwrap()
}

pub(crate) fn run(command: &mut Command) -> Output {
    command.output().unwrap()
}

/// Runs a command that must succeed, and returns its standard output.
pub(crate) fn succeed(command: &mut Command) -> String {
    let output = run(command);
    assert!(output.status.success(), "{command:?}: {}", stderr(&output));
    stdout(&output)
}

/// Creates `private.pem`, `public.pem` and the `passphrase.txt` that opens the private key.
pub(crate) fn generate(folder: &Path) {
    std::fs::write(folder.join("passphrase.txt"), "a passphrase\r\n").unwrap();
    succeed(
        wa().args(["keys", "generate", "--passphrase-file", "passphrase.txt"])
            .current_dir(folder),
    );
}
