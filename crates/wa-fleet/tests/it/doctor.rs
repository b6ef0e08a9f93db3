//! The doctor on a healthy set-up, and on broken ones: the broken thing comes first.

mod broken;
mod broken_endpoint;
mod broken_flow;
mod endpoint;
mod healthy;

use std::sync::LazyLock;

use wa_emulator::{
    DEFAULT_ACCESS_TOKEN, DEFAULT_APP_ID, DEFAULT_APP_SECRET, DEFAULT_PHONE_NUMBER_ID, Emulator, FlowSpec,
};
use wa_fleet::{Check, CheckResult, Diagnosis, Doctor, LocalKeys, Verdict};
use wa_graph::{AccessToken, GraphClient};
use wa_keys::PrivateKey;
use wa_keys::file::{Existing, write_private_key};
use wa_secrets::AppSecret;

use self::endpoint::{Behaviour, Endpoint};

static KEY: LazyLock<PrivateKey> = LazyLock::new(|| PrivateKey::generate().unwrap());
static OTHER: LazyLock<PrivateKey> = LazyLock::new(|| PrivateKey::generate().unwrap());

const FLOW: &str = "777";

/// A set-up in which everything works: the key is registered, the endpoint has it, and the Flow uses both.
struct Patient {
    emulator: Emulator,
    endpoint: Endpoint,
    folder: tempfile::TempDir,
    token: String,
    number: String,
    url: Option<String>,
    secret: Option<String>,
    flow: Option<String>,
}

impl Patient {
    async fn healthy() -> Self {
        Self::with(Behaviour::Correct).await
    }

    async fn with(behaviour: Behaviour) -> Self {
        let endpoint = Endpoint::start(&KEY, behaviour).await;
        let emulator = Emulator::builder().start().await.unwrap();
        let pem = KEY.public_key().to_pem();
        emulator
            .set_number_key(DEFAULT_PHONE_NUMBER_ID, Some(&pem))
            .unwrap();
        emulator.add_flow(&flow(&endpoint.url)).unwrap();
        let folder = tempfile::tempdir().unwrap();
        write_private_key(folder.path().join("private.pem"), &KEY, Existing::Refuse).unwrap();
        Self {
            emulator,
            folder,
            token: DEFAULT_ACCESS_TOKEN.to_owned(),
            number: DEFAULT_PHONE_NUMBER_ID.to_owned(),
            url: Some(endpoint.url.clone()),
            secret: Some(DEFAULT_APP_SECRET.to_owned()),
            flow: Some(FLOW.to_owned()),
            endpoint,
        }
    }

    fn path(&self) -> std::path::PathBuf {
        self.folder.path().join("private.pem")
    }

    fn client(&self) -> GraphClient {
        GraphClient::builder(AccessToken::new(self.token.as_str()).unwrap())
            .base_url(self.emulator.base_url())
            .build()
            .unwrap()
    }

    async fn examine(&self) -> Diagnosis {
        self.examine_with(LocalKeys::read_file(self.path(), None).await)
            .await
    }

    async fn examine_with(&self, keys: LocalKeys) -> Diagnosis {
        let mut doctor = Doctor::new(self.client(), self.number.parse().unwrap()).local_keys(keys);
        if let Some(secret) = &self.secret {
            doctor = doctor.app_secret(AppSecret::new(secret.as_str()).unwrap());
        }
        if let Some(url) = &self.url {
            doctor = doctor.endpoint(url);
        }
        if let Some(flow) = &self.flow {
            doctor = doctor.flow(flow);
        }
        if let Some(pem) = &self.endpoint.root {
            doctor = doctor.root_certificates(pem.clone());
        }
        let diagnosis = doctor.examine().await.unwrap();
        let json = serde_json::to_string(&diagnosis).unwrap();
        assert_eq!(serde_json::from_str::<Diagnosis>(&json).unwrap(), diagnosis);
        diagnosis
    }
}

fn flow(url: &str) -> FlowSpec {
    FlowSpec::new()
        .id(FLOW)
        .name("Booking")
        .status("PUBLISHED")
        .endpoint_uri(url)
        .application(DEFAULT_APP_ID)
        .data_api_version("3.0")
}

/// Asserts that this check is the first cause; returns its finding.
fn cause(diagnosis: &Diagnosis, check: Check) -> CheckResult {
    let cause = diagnosis
        .cause()
        .unwrap_or_else(|| panic!("nothing is broken: {diagnosis:#?}"))
        .clone();
    assert_eq!(cause.check, check, "{diagnosis:#?}");
    assert_eq!(diagnosis.findings[0], cause);
    assert!(!diagnosis.is_healthy());
    assert!(
        cause.remedy.as_deref().is_some_and(|remedy| remedy.len() > 10),
        "{cause:?}"
    );
    cause
}

/// Returns a finding and asserts its verdict.
fn finding(diagnosis: &Diagnosis, check: Check, verdict: Verdict) -> CheckResult {
    let finding = diagnosis
        .finding(check)
        .unwrap_or_else(|| panic!("no {check}: {diagnosis:#?}"))
        .clone();
    assert_eq!(finding.verdict, verdict, "{finding:?}");
    finding
}
