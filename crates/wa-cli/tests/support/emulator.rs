//! An emulator in a separate process, for tests of the program.

#![allow(clippy::unwrap_used, reason = "tests")]
#![allow(dead_code, reason = "each test binary uses other items")]

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

/// Variables that are removed, so that the developer's own settings do not reach the program.
const SETTINGS: &[&str] = &[
    "WA_ACCESS_TOKEN",
    "CLOUD_API_ACCESS_TOKEN",
    "WA_PHONE_NUMBER_ID",
    "WA_APP_SECRET",
    "WA_GRAPH_URL",
    "WA_API_VERSION",
    "WA_KEY_PASSPHRASE",
    "WA_NEW_KEY_PASSPHRASE",
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
        let path = format!("{}/tests/data/{name}", env!("CARGO_MANIFEST_DIR"));
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
    }
}

pub(crate) struct Emulator {
    child: Child,
    ready: serde_json::Value,
}

impl Emulator {
    pub(crate) fn start(numbers: &[&str]) -> Self {
        let mut command = wa();
        command.args(["emulator", "--json"]);
        for number in numbers {
            command.args(["--phone-number-id", number]);
        }
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        let mut text = String::new();
        while !text.ends_with("}\n") {
            assert!(
                lines.read_line(&mut text).unwrap() > 0,
                "the emulator did not start: {text}"
            );
        }
        Self {
            child,
            ready: serde_json::from_str(&text).unwrap(),
        }
    }

    pub(crate) fn url(&self) -> String {
        self.member("/ready")
    }

    pub(crate) fn token(&self) -> String {
        self.member("/access_token")
    }

    fn member(&self, pointer: &str) -> String {
        self.ready.pointer(pointer).unwrap().as_str().unwrap().to_owned()
    }

    /// Returns a `wa` command with the settings of this emulator.
    pub(crate) fn wa(&self, number: &str) -> Command {
        let mut command = wa();
        command
            .env("WA_GRAPH_URL", self.url())
            .env("WA_ACCESS_TOKEN", self.token())
            .env("WA_PHONE_NUMBER_ID", number);
        command
    }

    /// Returns the number of calls that the emulator has received.
    pub(crate) fn calls(&self) -> u64 {
        let url = format!("{}/_emulator/requests", self.url());
        let output = Command::new("curl").args(["-sf", &url]).output().unwrap();
        let log: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        log.get("total").unwrap().as_u64().unwrap()
    }

    /// Returns how often a key was uploaded for a number.
    pub(crate) fn uploads(&self, number: &str) -> u64 {
        let url = format!("{}/_emulator/numbers/{number}", self.url());
        let output = Command::new("curl").args(["-sf", &url]).output().unwrap();
        let number: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        number.get("uploads").unwrap().as_u64().unwrap()
    }

    /// Sends a JSON body to the control API.
    pub(crate) fn control(&self, method: &str, path: &str, body: &str) {
        let url = format!("{}/_emulator/{path}", self.url());
        let mut curl = Command::new("curl");
        curl.args([
            "-sf",
            "-X",
            method,
            "-H",
            "content-type: application/json",
            "-d",
            body,
            &url,
        ]);
        assert!(curl.output().unwrap().status.success(), "{method} {url} {body}");
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
