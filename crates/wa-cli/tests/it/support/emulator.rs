//! An emulator in a separate process, for tests of the program.

use std::process::{Command, Stdio};

use super::{Process, wa};

pub(crate) struct Emulator {
    _process: Process,
    ready: serde_json::Value,
}

impl Emulator {
    pub(crate) fn start(numbers: &[&str]) -> Self {
        let mut command = wa();
        command.args(["emulator", "--json"]);
        for number in numbers {
            command.args(["--phone-number-id", number]);
        }
        let mut process = Process::start(command, Stdio::null());
        let ready = serde_json::from_str(&process.read_until("}\n")).unwrap();
        Self {
            _process: process,
            ready,
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
    pub(crate) fn control(&self, method: &str, path: &str, body: &str) -> serde_json::Value {
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
        let output = curl.output().unwrap();
        assert!(output.status.success(), "{method} {url} {body}");
        serde_json::from_slice(&output.stdout).unwrap_or_default()
    }
}
