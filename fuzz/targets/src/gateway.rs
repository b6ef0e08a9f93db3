//! Fuzzes the configuration of the gateway, and the secret files that it names.

use std::fs;
use std::path::PathBuf;

use tempfile::TempDir;
use wa_gateway::{GatewayConfig, Overrides};

/// A test key of `wa-gateway`.
const KEY: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../crates/wa-gateway/tests/data/private.pem"
);

thread_local! {
    static FOLDER: TempDir = tempfile::tempdir().expect("a folder");
}

/// Parses a configuration file. After an error, the files that it names are read too, so the seeds name
/// only missing files.
pub(crate) fn config(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let environment = |name: &str| (name == "WA_APP_SECRET").then(|| "0123456789abcdef".to_owned());
    match GatewayConfig::parse(&text, &Overrides::new(), environment) {
        Ok(config) => drop((format!("{config:?}"), config.endpoint_names().count())),
        Err(errors) => {
            assert!(!errors.problems().is_empty());
            drop(errors.to_string());
        }
    }
}

/// Reads the input as a file with an app secret and a passphrase. No output may contain the secret.
pub(crate) fn secret_file(data: &[u8]) {
    let file = FOLDER.with(|folder| folder.path().join("secret"));
    fs::write(&file, data).expect("a file");
    let (key, file) = (PathBuf::from(KEY), file.to_string_lossy());
    let text = format!(
        "[[endpoint]]\nkeys = {:?}\napp_secret_file = {file:?}\npassphrase_file = {file:?}\n\
         upstream = \"http://127.0.0.1:9/\"\n",
        key.to_string_lossy()
    );
    let config = GatewayConfig::parse(&text, &Overrides::new(), |_| None).expect("a configuration");
    let said = match config.check() {
        Ok(report) => format!("{report}\n{report:?}"),
        Err(errors) => format!("{errors}\n{errors:?}"),
    };
    for word in data.split(|byte| !byte.is_ascii_alphanumeric()) {
        let word = String::from_utf8_lossy(word);
        assert!(
            word.len() < 16 || !said.contains(&*word),
            "the secret is in {said}"
        );
    }
}
