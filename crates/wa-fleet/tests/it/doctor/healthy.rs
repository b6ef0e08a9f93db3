//! Set-ups that work, and those that work but need attention.

use std::time::Duration;

use wa_emulator::{DEFAULT_ACCESS_TOKEN, DEFAULT_PHONE_NUMBER_ID, TokenSpec};
use wa_fleet::{Check, LocalKeys, Verdict};
use wa_keys::Passphrase;
use wa_keystore::{Change, Directory, KeyStore, ProtectedKey};

use super::endpoint::{Behaviour, Endpoint};
use super::{KEY, OTHER, Patient, cause, finding};

#[tokio::test]
async fn everything_is_in_order() {
    let patient = Patient::healthy().await;
    let diagnosis = patient.examine().await;
    assert_eq!(diagnosis.cause(), None, "{diagnosis:#?}");
    assert!(diagnosis.is_healthy());
    for check in [
        Check::Token,
        Check::TokenPermissions,
        Check::AppSecret,
        Check::Number,
        Check::NumberAccount,
        Check::RegisteredKey,
        Check::KeySignature,
        Check::KeyMatch,
        Check::LocalKey,
        Check::EndpointPing,
        Check::EndpointSignature,
        Check::EndpointLatency,
        Check::FlowEndpoint,
        Check::FlowApp,
        Check::FlowJson,
        Check::FlowHealth,
    ] {
        finding(&diagnosis, check, Verdict::Ok);
    }
    let url = finding(&diagnosis, Check::EndpointUrl, Verdict::Warning);
    assert!(url.evidence.contains("private addresses only"), "{url:?}");
    assert!(
        patient
            .emulator
            .requests()
            .iter()
            .all(|call| call.method == "GET"),
        "it only reads"
    );
}

#[tokio::test]
async fn without_key_endpoint_and_flow_only_graph_is_examined() {
    let mut patient = Patient::healthy().await;
    (patient.url, patient.flow, patient.secret) = (None, None, None);
    let diagnosis = patient.examine_with(LocalKeys::None).await;
    assert!(diagnosis.is_healthy(), "{diagnosis:#?}");
    for check in [Check::KeyMatch, Check::LocalKey, Check::EndpointPing, Check::Flow] {
        assert_eq!(diagnosis.finding(check), None);
    }
}

#[tokio::test]
async fn the_endpoint_of_the_flow_is_examined_if_none_is_given() {
    let mut patient = Patient::healthy().await;
    patient.url = None;
    finding(&patient.examine().await, Check::EndpointPing, Verdict::Ok);
}

#[tokio::test]
async fn a_token_that_expires_soon_is_a_warning() {
    let mut patient = Patient::healthy().await;
    let soon = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs() + 3 * 24 * 3600;
    patient
        .emulator
        .add_token(&TokenSpec::new("soon", "EAAsoon").expires_at(soon))
        .unwrap();
    patient.token = "EAAsoon".to_owned();
    let diagnosis = patient.examine().await;
    assert!(diagnosis.is_healthy());
    let expiry = finding(&diagnosis, Check::TokenExpiry, Verdict::Warning);
    assert!(expiry.evidence.contains("2days"), "{expiry:?}");
}

#[cfg(unix)]
#[tokio::test]
async fn a_key_that_others_can_read_is_a_warning() {
    use std::os::unix::fs::PermissionsExt;

    let patient = Patient::healthy().await;
    std::fs::set_permissions(patient.path(), std::fs::Permissions::from_mode(0o644)).unwrap();
    let mode = finding(&patient.examine().await, Check::LocalKeyMode, Verdict::Warning);
    assert!(mode.remedy.unwrap().starts_with("chmod 600 "));
}

#[tokio::test]
async fn a_slow_endpoint_and_a_certificate_near_its_end_are_warnings() {
    let patient = Patient::with(Behaviour::Slow(Duration::from_millis(1100))).await;
    finding(&patient.examine().await, Check::EndpointLatency, Verdict::Warning);

    let mut patient = Patient::healthy().await;
    patient.endpoint = Endpoint::start_tls(&KEY, "localhost", 5, true).await;
    (patient.url, patient.flow) = (Some(patient.endpoint.url.clone()), None);
    let diagnosis = patient.examine().await;
    assert!(diagnosis.is_healthy(), "{diagnosis:#?}");
    let certificate = finding(&diagnosis, Check::EndpointCertificate, Verdict::Warning);
    assert!(certificate.evidence.contains("ends in 4 days"), "{certificate:?}");
}

/// A store with a set for the number: `KEY` is the primary, `OTHER` was before.
async fn store(patient: &Patient, passphrase: &Passphrase) -> KeyStore {
    let store = KeyStore::open_or_create(Directory::new(patient.folder.path().join("keys")))
        .await
        .unwrap();
    let set = store.set("default").unwrap().by("test");
    let mut log = set.read().await.unwrap();
    for key in [&*OTHER, &*KEY] {
        let key = ProtectedKey::encrypt(key, passphrase).unwrap();
        set.add(&mut log, &key).await.unwrap();
        set.promote(&mut log, key.fingerprint()).await.unwrap();
    }
    let configured = Change::Configured {
        add: vec![DEFAULT_PHONE_NUMBER_ID.to_owned()],
        remove: Vec::new(),
        endpoint: patient.url.clone(),
        title: None,
    };
    set.append(&mut log, configured, None).await.unwrap();
    store
}

#[tokio::test]
async fn the_keys_of_a_store_are_compared() {
    let mut patient = Patient::healthy().await;
    let passphrase = || Passphrase::new("correct horse");
    let store = store(&patient, &passphrase()).await;
    patient.url = None;
    patient.flow = None;
    let number = patient.number.parse().unwrap();
    let keys = async |passphrase| LocalKeys::read_store(&store, "keys", &number, passphrase).await;

    let diagnosis = patient.examine_with(keys(vec![passphrase()]).await).await;
    assert!(diagnosis.is_healthy(), "{diagnosis:#?}");
    finding(&diagnosis, Check::KeyMatch, Verdict::Ok);
    finding(&diagnosis, Check::EndpointPing, Verdict::Ok);

    let diagnosis = patient
        .examine_with(keys(vec![Passphrase::new("wrong")]).await)
        .await;
    cause(&diagnosis, Check::LocalKey);

    // The earlier key is registered, and the endpoint has the primary key only.
    let earlier = OTHER.public_key().to_pem();
    patient
        .emulator
        .set_number_key(DEFAULT_PHONE_NUMBER_ID, Some(&earlier))
        .unwrap();
    let diagnosis = patient.examine_with(keys(vec![passphrase()]).await).await;
    let outdated = finding(&diagnosis, Check::KeyMatch, Verdict::Warning);
    assert!(
        outdated
            .remedy
            .unwrap()
            .contains("wa keys rotate --store keys --set default")
    );
    let ping = cause(&diagnosis, Check::EndpointPing);
    assert!(
        ping.evidence.contains("but it can with the primary key of keys"),
        "{ping:?}"
    );
    assert_eq!(patient.token, DEFAULT_ACCESS_TOKEN);
}
