//! Faults of real endpoints that a correctly signed ping alone does not show.

use serde_json::json;
use wa_phone::{Finding, Report, Verdict};

use super::endpoint::serve;
use super::fault::Fault;
use super::faults::{check, ids, is_advised_by, is_found_by, report};

fn finding<'a>(report: &'a Report, id: &str) -> &'a Finding {
    report.finding(id).unwrap()
}

/// Runs the check with a `data_exchange`.
async fn report_with_screen(fault: Fault) -> Report {
    let url = serve(fault).await;
    let check = check(&url).data_exchange("FIRST", json!({"name": "Zoë"}));
    check.build().unwrap().run(|_| ()).await.unwrap()
}

#[tokio::test]
async fn the_remedy_for_401_names_the_verify_token_and_a_firewall() {
    let report = report(Fault::VerifyTokenIsTheSecret).await;
    assert_eq!(ids(&report, Verdict::Fail), ["exchange.ping"], "{report:#?}");
    let ping = finding(&report, "exchange.ping");
    assert_eq!(ping.seen, "status 401 instead of 200");
    for word in [
        "refuses requests signed with this app secret",
        "an empty key",
        "verify token",
        "a firewall",
    ] {
        assert!(ping.check.remedy.contains(word), "{word}: {ping:?}");
    }
}

#[tokio::test]
async fn an_empty_key_is_reported_although_the_correct_signature_is_refused() {
    let report = report(Fault::VerifyTokenIsUnset).await;
    assert_eq!(
        ids(&report, Verdict::Fail),
        ["signature.empty-secret"],
        "{report:#?}"
    );
    let empty = finding(&report, "signature.empty-secret");
    assert_eq!(
        empty.seen,
        "accepts a signature computed with an empty key (status 200) and refuses that of the app secret \
         (status 401): its app secret is not set, so anyone can sign requests"
    );
    let ping = finding(&report, "exchange.ping");
    assert_eq!(
        (ping.verdict, &*ping.seen),
        (Verdict::Skipped, "status 401: see signature.empty-secret")
    );
    let rest = finding(&report, "undecryptable.tampered-tag");
    assert_eq!(
        (rest.verdict, &*rest.seen),
        (
            Verdict::NotRun,
            "no request with the correct signature got a 200 response: see signature.empty-secret"
        )
    );
}

#[tokio::test]
async fn an_endpoint_that_accepts_unsigned_requests_is_reported() {
    let report = report(Fault::OnlySignedIsChecked).await;
    assert_eq!(ids(&report, Verdict::Fail), ["signature.missing"], "{report:#?}");
    assert_eq!(
        finding(&report, "signature.missing").seen,
        "accepts an unsigned request (status 200) and refuses a signed one (status 432): anyone can send \
         requests"
    );
}

#[tokio::test]
async fn the_remedy_does_not_name_the_key_if_no_signature_is_checked() {
    let unchecked = report(Fault::NoSignatureCheck).await;
    let remedy = finding(&unchecked, "signature.empty-secret").check.remedy;
    assert!(remedy.contains("see signature.missing"), "{remedy}");
    let keyed = report(Fault::EmptySecretIsAccepted).await;
    let remedy = finding(&keyed, "signature.empty-secret").check.remedy;
    assert!(remedy.contains("refuse to start without one"), "{remedy}");
}

#[tokio::test]
async fn version_4_is_checked_for_each_action() {
    is_advised_by(Fault::Version4IsForPingsOnly, &["envelope.version"]).await;
    let pinged = report_with_screen(Fault::Version4IsForPingsOnly).await;
    assert_eq!(
        finding(&pinged, "envelope.version").seen,
        "INIT: status 500 instead of 200; data_exchange: status 500 instead of 200, but version 3.0 works"
    );
    let signed = finding(&pinged, "envelope.token-signature");
    assert_eq!(
        (signed.verdict, &*signed.seen),
        (Verdict::Skipped, "see envelope.version")
    );
    is_advised_by(Fault::Version4Crashes, &["envelope.version"]).await;
    let data = report_with_screen(Fault::Version4IsRefusedForData).await;
    assert_eq!(ids(&data, Verdict::Advice), ["envelope.version"], "{data:#?}");
    assert_eq!(
        finding(&data, "envelope.version").seen,
        "data_exchange: status 400 instead of 200, but version 3.0 works"
    );
    // The message is accepted without the signature, so the version is not the cause.
    let signed = report_with_screen(Fault::SignedTokenIsRefused).await;
    assert_eq!(
        finding(&signed, "envelope.token-signature").seen,
        "INIT: status 400 instead of 200, but status 200 without flow_token_signature"
    );
    assert_eq!(finding(&signed, "envelope.version").verdict, Verdict::Pass);
}

#[tokio::test]
async fn back_must_be_handled_or_refused_and_never_crash_the_endpoint() {
    is_found_by(Fault::BackCrashes, &["exchange.back"]).await;
    is_found_by(Fault::BackIs500, &["exchange.back"]).await;
    is_found_by(Fault::BackHasNoScreen, &["exchange.back"]).await;
    is_advised_by(Fault::BackIsRefused, &["exchange.back"]).await;
    let crashed = report(Fault::BackCrashes).await;
    assert_eq!(
        finding(&crashed, "exchange.back").seen,
        "the endpoint closed the connection without a response instead of 200"
    );
    let killed = report(Fault::BackKills).await;
    assert_eq!(ids(&killed, Verdict::Fail), ["exchange.back"], "{killed:#?}");
    assert!(
        finding(&killed, "exchange.back")
            .seen
            .ends_with("the endpoint stopped responding"),
        "{killed:#?}"
    );
    let check = check(&serve(Fault::BackIs500).await).back(false);
    let report = check.build().unwrap().run(|_| ()).await.unwrap();
    assert!(report.is_conformant(), "{report:#?}");
    let back = finding(&report, "exchange.back");
    assert_eq!(
        (back.verdict, &*back.seen),
        (Verdict::Skipped, "BACK is disabled")
    );
}

#[tokio::test]
async fn the_remedy_for_a_504_with_an_exchange_id_names_no_proxy() {
    let report = report(Fault::PingIs504).await;
    let ping = finding(&report, "exchange.ping");
    assert_eq!(ping.seen, "status 504 instead of 200");
    assert!(
        ping.check.remedy.contains("gateway's upstream was too slow"),
        "{ping:?}"
    );
    assert!(!ping.check.remedy.contains("proxy"), "{ping:?}");
}
