//! Endpoints in Python: one built with pywa, an independent project, and one that decrypts as Java does by
//! default.
//!
//! If the packages are not installed, the tests print a message and pass. To run them:
//!
//! ```text
//! python3 -m venv venv && venv/bin/pip install 'pywa[cryptography]==4.5.0' fastapi uvicorn
//! WA_TEST_PYTHON=venv/bin/python cargo test -p wa-phone --test it conformance::python -- --nocapture
//! ```

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use serde_json::json;
use wa_phone::{ConformanceCheck, Verdict};

use super::endpoint::SECRET;
use super::faults::ids;

const SCRIPTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/conformance");

/// The server process, with its address and its public key.
struct Served {
    process: Child,
    url: String,
    pem: String,
    version: String,
}

impl Served {
    /// Starts the server. Returns `None`, and prints a message, if Python or a package is missing.
    fn start(script: &str) -> Option<Self> {
        let served = Self::try_start(script);
        if served.is_none() {
            println!("skipped: no Python that can run {script}; set WA_TEST_PYTHON");
        }
        served
    }

    fn try_start(script: &str) -> Option<Self> {
        let python = std::env::var("WA_TEST_PYTHON").unwrap_or_else(|_| "python3".to_owned());
        let mut process = Command::new(python)
            .args([&format!("{SCRIPTS}/{script}"), SECRET])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .ok()?;
        let mut first = String::new();
        BufReader::new(process.stdout.take()?)
            .read_line(&mut first)
            .ok()?;
        let Ok(ready) = serde_json::from_str::<serde_json::Value>(&first) else {
            let _ = process.wait();
            return None;
        };
        let text = |name: &str| ready[name].as_str().unwrap().to_owned();
        Some(Self {
            process,
            url: text("url"),
            pem: text("public_key"),
            version: text("version"),
        })
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[tokio::test]
async fn pywas_missing_signature_check_is_found() {
    let Some(pywa) = Served::start("pywa_endpoint.py") else {
        return;
    };
    let check = ConformanceCheck::builder(&*pywa.url)
        .public_key_pem(&*pywa.pem)
        .app_secret(SECRET)
        .data_exchange("FIRST", json!({"name": "Zoë"}))
        .build()
        .unwrap();
    let report = check.run(|_| ()).await.unwrap();
    println!("pywa {}:", pywa.version);
    for finding in &report.findings {
        println!("{finding}");
    }
    assert!(!report.is_conformant());
    let failed = ids(&report, Verdict::Fail);
    for id in [
        "signature.missing",
        "signature.too-short",
        "signature.wrong",
        "signature.empty-secret",
    ] {
        assert!(failed.contains(&id), "{id} is not among {failed:?}");
        assert_eq!(
            report.finding(id).unwrap().seen,
            "status 200: the endpoint accepted an invalid signature"
        );
    }
    let passed = ids(&report, Verdict::Pass);
    for id in [
        "exchange.ping",
        "exchange.init",
        "exchange.data",
        "reply.encryption",
        "undecryptable.tampered-tag",
    ] {
        assert!(passed.contains(&id), "{id} is not among {passed:?}");
    }
}

#[tokio::test]
async fn mgf1_with_sha_1_is_named() {
    let Some(served) = Served::start("mask_endpoint.py") else {
        return;
    };
    let check = ConformanceCheck::builder(&*served.url)
        .public_key_pem(&*served.pem)
        .app_secret(SECRET)
        .build()
        .unwrap();
    let report = check.run(|_| ()).await.unwrap();
    assert_eq!(ids(&report, Verdict::Fail), ["crypto.oaep"], "{report:#?}");
    let seen = &report.finding("crypto.oaep").unwrap().seen;
    assert!(seen.contains("MGF1 with SHA-1, Java's default"), "{seen}");
}
