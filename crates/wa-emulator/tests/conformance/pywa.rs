//! The verdict on pywa, an endpoint of another project in another language.
//!
//! Where it is not installed the test says so and is over. To run it:
//!
//! ```text
//! python3 -m venv venv && venv/bin/pip install 'pywa[cryptography]' fastapi uvicorn
//! WA_TEST_PYTHON=venv/bin/python cargo test -p wa-emulator --test conformance pywa -- --nocapture
//! ```

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use serde_json::json;
use wa_emulator::{ConformanceCheck, Verdict};

use crate::endpoint::SECRET;
use crate::faults::ids;

const SERVER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/conformance/pywa_endpoint.py");

/// The server as a process, with its address and its public key.
struct Pywa {
    process: Child,
    url: String,
    pem: String,
    version: String,
}

impl Pywa {
    /// `None` where Python or pywa is not there.
    fn start() -> Option<Self> {
        let python = std::env::var("WA_TEST_PYTHON").unwrap_or_else(|_| "python3".to_owned());
        let mut process = Command::new(python)
            .args([SERVER, SECRET])
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

impl Drop for Pywa {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[tokio::test]
async fn pywas_missing_signature_check_is_found() {
    let Some(pywa) = Pywa::start() else {
        println!("skipped: no Python with pywa, fastapi and uvicorn; name one in WA_TEST_PYTHON");
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
        "signature.other-prefix",
    ] {
        assert!(failed.contains(&id), "{id} is not among {failed:?}");
        assert_eq!(
            report.finding(id).unwrap().seen,
            "status 200: it was answered as if it were signed well"
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
