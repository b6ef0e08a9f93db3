//! Broken Flows.

use wa_emulator::{AccountSpec, AppSpec, FlowSpec, NumberSpec};
use wa_fleet::{Check, CheckResult, Verdict};

use super::{FLOW, Patient, cause, finding, flow};

/// Replaces the Flow of a healthy patient, and returns the first cause.
async fn broken(change: impl FnOnce(&Patient) -> FlowSpec, check: Check) -> CheckResult {
    let patient = Patient::healthy().await;
    let command = wa_emulator::Command::RemoveFlow {
        flow: FLOW.to_owned(),
    };
    patient.emulator.apply(command).unwrap();
    patient.emulator.add_flow(&change(&patient)).unwrap();
    cause(&patient.examine().await, check)
}

#[tokio::test]
async fn a_flow_that_does_not_exist() {
    let mut patient = Patient::healthy().await;
    patient.flow = Some("1".to_owned());
    cause(&patient.examine().await, Check::Flow);
}

#[tokio::test]
async fn a_flow_that_whatsapp_throttles() {
    let cause = broken(
        |patient| flow(&patient.endpoint.url).status("THROTTLED"),
        Check::Flow,
    )
    .await;
    assert!(cause.evidence.contains("THROTTLED"));
}

#[tokio::test]
async fn a_flow_without_an_endpoint() {
    let change = |_: &Patient| FlowSpec::new().id(FLOW).data_api_version("3.0");
    let cause = broken(change, Check::FlowEndpoint).await;
    assert!(cause.evidence.contains("139002"));
    assert!(cause.remedy.unwrap().contains("endpoint_uri=http://127.0.0.1"));
}

#[tokio::test]
async fn a_flow_with_another_endpoint() {
    let cause = broken(|_| flow("https://old.example.com/flow"), Check::FlowEndpoint).await;
    assert!(
        cause
            .evidence
            .starts_with("its endpoint is https://old.example.com/flow")
    );
}

#[tokio::test]
async fn a_flow_without_an_app() {
    let change = |patient: &Patient| {
        FlowSpec::new()
            .id(FLOW)
            .endpoint_uri(&patient.endpoint.url)
            .data_api_version("3.0")
    };
    let cause = broken(change, Check::FlowApp).await;
    assert!(cause.evidence.contains("139002"));
}

#[tokio::test]
async fn a_flow_that_another_app_signs() {
    let change = |patient: &Patient| {
        patient
            .emulator
            .add_app(&AppSpec::new("4242", "another secret"))
            .unwrap();
        flow(&patient.endpoint.url).application("4242")
    };
    // The secret that was given is that of the token's app; requests are signed with that of the Flow's app.
    let cause = broken(change, Check::AppSecret).await;
    assert!(cause.evidence.contains("4242"), "{cause:?}");
}

#[tokio::test]
async fn a_flow_of_another_account() {
    let change = |patient: &Patient| {
        let account = patient
            .emulator
            .add_account(&AccountSpec::new().id("55"))
            .unwrap();
        patient
            .emulator
            .add_number(&NumberSpec::new().account(&account))
            .unwrap();
        flow(&patient.endpoint.url).account(account)
    };
    let cause = broken(change, Check::NumberAccount).await;
    assert!(cause.evidence.contains("account 55"), "{cause:?}");
}

#[tokio::test]
async fn a_flow_json_with_errors() {
    let change = |patient: &Patient| flow(&patient.endpoint.url).validation_error("unknown component");
    let cause = broken(change, Check::FlowJson).await;
    assert!(cause.evidence.contains("unknown component"));
}

#[tokio::test]
async fn a_flow_that_meta_blocks() {
    let change = |patient: &Patient| {
        flow(&patient.endpoint.url).health_error(131_000, "the health check of the endpoint failed")
    };
    let cause = broken(change, Check::FlowHealth).await;
    assert!(cause.evidence.contains("131000"), "{cause:?}");
    assert!(cause.remedy.unwrap().contains("health check"));
}

#[tokio::test]
async fn a_flow_without_a_data_api_version_uses_no_endpoint() {
    let patient = Patient::healthy().await;
    patient
        .emulator
        .apply(wa_emulator::Command::RemoveFlow {
            flow: FLOW.to_owned(),
        })
        .unwrap();
    let app = wa_emulator::DEFAULT_APP_ID;
    patient
        .emulator
        .add_flow(&FlowSpec::new().id(FLOW).application(app))
        .unwrap();
    let diagnosis = patient.examine().await;
    assert!(diagnosis.is_healthy());
    finding(&diagnosis, Check::FlowEndpoint, Verdict::Warning);
}
