//! Broken endpoints.

use wa_fleet::{Check, Verdict};

use super::endpoint::{Behaviour, Endpoint};
use super::{KEY, OTHER, Patient, cause, finding};

/// A patient whose Flow has this endpoint too, so that the endpoint is the first cause.
async fn at(url: &str) -> Patient {
    let mut patient = Patient::healthy().await;
    patient.url = Some(url.to_owned());
    patient.flow = None;
    patient
}

async fn broken(behaviour: Behaviour, check: Check) -> String {
    let patient = Patient::with(behaviour).await;
    cause(&patient.examine().await, check).evidence
}

#[tokio::test]
async fn not_a_url() {
    cause(&at("example.com/flow").await.examine().await, Check::EndpointUrl);
}

#[tokio::test]
async fn a_host_name_without_an_address() {
    let patient = at("https://does-not-exist.invalid/flow").await;
    cause(&patient.examine().await, Check::EndpointName);
}

#[tokio::test]
async fn nothing_listens() {
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let patient = at(&format!("http://127.0.0.1:{port}/flow")).await;
    cause(&patient.examine().await, Check::EndpointConnection);
}

#[tokio::test]
async fn https_on_a_port_that_speaks_plain_http() {
    let plain = Endpoint::start(&KEY, Behaviour::Correct).await;
    let patient = at(&plain.url.replace("http://", "https://")).await;
    cause(&patient.examine().await, Check::EndpointConnection);
}

async fn certificate(name: &str, days: i64, trusted: bool) -> String {
    let mut patient = Patient::healthy().await;
    patient.endpoint = Endpoint::start_tls(&KEY, name, days, trusted).await;
    (patient.url, patient.flow) = (Some(patient.endpoint.url.clone()), None);
    cause(&patient.examine().await, Check::EndpointCertificate).evidence
}

#[tokio::test]
async fn a_certificate_that_no_authority_issued() {
    assert_eq!(
        certificate("localhost", 90, false).await,
        "no trusted authority issued it"
    );
}

#[tokio::test]
async fn a_certificate_that_has_expired() {
    assert_eq!(certificate("localhost", -3, true).await, "it has expired");
}

#[tokio::test]
async fn a_certificate_for_another_name() {
    assert_eq!(
        certificate("example.com", 90, true).await,
        "it is for another host name"
    );
}

#[tokio::test]
async fn the_endpoint_has_another_private_key() {
    let mut patient = Patient::healthy().await;
    patient.endpoint = Endpoint::start(&OTHER, Behaviour::Correct).await;
    (patient.url, patient.flow) = (Some(patient.endpoint.url.clone()), None);
    let evidence = cause(&patient.examine().await, Check::EndpointPing).evidence;
    assert!(evidence.starts_with("status 421"), "{evidence}");
}

#[tokio::test]
async fn the_endpoint_has_another_app_secret() {
    let evidence = broken(
        Behaviour::Secret("ffeeddccbbaa99887766554433221100"),
        Check::EndpointSignature,
    )
    .await;
    assert!(evidence.starts_with("status 432"), "{evidence}");
}

#[tokio::test]
async fn the_endpoint_verifies_no_signature() {
    let evidence = broken(Behaviour::Unsigned, Check::EndpointSignature).await;
    assert!(evidence.contains("anyone can call it"), "{evidence}");
    let mut patient = Patient::with(Behaviour::Unsigned).await;
    patient.secret = None;
    cause(&patient.examine().await, Check::EndpointSignature);
}

#[tokio::test]
async fn without_an_app_secret_a_correct_endpoint_cannot_be_examined() {
    let mut patient = Patient::healthy().await;
    patient.secret = None;
    let diagnosis = patient.examine().await;
    assert_eq!(diagnosis.cause(), None);
    let ping = finding(&diagnosis, Check::EndpointPing, Verdict::Unknown);
    assert!(ping.remedy.unwrap().contains("--app-secret-file"));
}

#[tokio::test]
async fn statuses_that_are_no_answer() {
    for (status, word) in [
        (301, "redirects"),
        (403, "firewall"),
        (404, "path"),
        (405, "POST"),
        (500, "421"),
        (502, "proxy"),
    ] {
        let patient = Patient::with(Behaviour::Status(status)).await;
        let cause = cause(&patient.examine().await, Check::EndpointPing);
        assert!(cause.evidence.contains(&status.to_string()), "{cause:?}");
        assert!(cause.remedy.as_deref().unwrap().contains(word), "{cause:?}");
    }
}

#[tokio::test]
async fn responses_that_are_not_encrypted() {
    let evidence = broken(Behaviour::Json, Check::EndpointPing).await;
    assert!(
        evidence.contains("JSON instead of encrypted base64"),
        "{evidence}"
    );
    let evidence = broken(Behaviour::Html, Check::EndpointPing).await;
    assert!(evidence.contains("HTML page"), "{evidence}");
}
