//! Each fault breaks the rules about it, and no others.

use std::time::Duration;

use wa_phone::{ConformanceCheck, ConformanceCheckBuilder, Report, Verdict};

use super::endpoint::{PAIR, SECRET, serve};
use super::fault::Fault;

pub(crate) fn check(url: &str) -> ConformanceCheckBuilder {
    ConformanceCheck::builder(url)
        .public_key_pem(&*PAIR.pem)
        .app_secret(SECRET)
        .pings(4)
}

pub(crate) fn ids(report: &Report, verdict: Verdict) -> Vec<&'static str> {
    let of = report
        .findings
        .iter()
        .filter(|finding| finding.verdict == verdict);
    of.map(|finding| finding.check.id).collect()
}

pub(crate) async fn report(fault: Fault) -> Report {
    let url = serve(fault).await;
    check(&url).build().unwrap().run(|_| ()).await.unwrap()
}

/// Asserts that exactly these rules fail; all others pass, or are skipped if they cannot be determined.
pub(crate) async fn is_found_by(fault: Fault, failed: &[&str]) {
    let report = report(fault).await;
    assert_eq!(ids(&report, Verdict::Fail), failed, "{fault:?}: {report:#?}");
    assert_eq!(ids(&report, Verdict::Advice), [""; 0], "{fault:?}");
    assert!(!report.is_conformant());
}

/// Asserts that exactly these rules give advice; the endpoint conforms.
pub(crate) async fn is_advised_by(fault: Fault, advice: &[&str]) {
    let report = report(fault).await;
    assert_eq!(ids(&report, Verdict::Advice), advice, "{fault:?}: {report:#?}");
    assert!(report.is_conformant(), "{fault:?}: {report:#?}");
}

#[tokio::test]
async fn faults_in_the_signature_check() {
    let all = [
        "signature.missing",
        "signature.too-short",
        "signature.wrong",
        "signature.empty-secret",
    ];
    is_found_by(Fault::NoSignatureCheck, &all).await;
    is_found_by(Fault::EmptySecretIsAccepted, &["signature.empty-secret"]).await;
    is_advised_by(Fault::AnyPrefixIsAccepted, &["signature.other-prefix"]).await;
    is_found_by(Fault::ShortSignatureIs500, &["signature.too-short"]).await;
    is_found_by(Fault::UnsignedIs401, &["signature.missing"]).await;
    is_found_by(Fault::SignatureOverReserialisedJson, &["signature.raw-bytes"]).await;
}

#[tokio::test]
async fn a_signature_over_json_in_the_style_of_a_library_is_named() {
    for (fault, style) in [
        (Fault::SignatureOverPythonsJson, "Python's json.dumps"),
        (Fault::SignatureOverPhpsJson, "PHP's json_encode"),
    ] {
        let mut report = report(fault).await;
        while report.finding("exchange.ping").unwrap().verdict == Verdict::Pass {
            // One request in a thousand has no slash for PHP to escape.
            report = self::report(fault).await;
        }
        assert_eq!(
            ids(&report, Verdict::Fail),
            ["signature.raw-bytes"],
            "{report:#?}"
        );
        let seen = &report.finding("signature.raw-bytes").unwrap().seen;
        assert!(
            seen.contains("over a re-serialised body") && seen.contains(style),
            "{seen}"
        );
        assert_eq!(
            report.finding("exchange.ping").unwrap().seen,
            "status 432: see signature.raw-bytes"
        );
    }
}

#[tokio::test]
async fn statuses_for_undecryptable_requests() {
    let all = [
        "undecryptable.tampered-tag",
        "undecryptable.foreign-key",
        "undecryptable.short-data",
        "undecryptable.empty-members",
        "undecryptable.bad-base64",
        "undecryptable.key-length",
        "undecryptable.iv-length",
    ];
    is_found_by(Fault::UndecryptableIs500, &all).await;
    is_found_by(Fault::TagIsNotChecked, &["undecryptable.tampered-tag"]).await;
    is_found_by(Fault::BadBase64Is500, &["undecryptable.bad-base64"]).await;
    is_found_by(Fault::ShortDataCrashes, &["undecryptable.short-data"]).await;
    is_found_by(Fault::ShortKeyIs500, &["undecryptable.key-length"]).await;
    is_found_by(Fault::ShortVectorIs500, &["undecryptable.iv-length"]).await;
    is_found_by(Fault::EmptyStringsAre500, &["undecryptable.empty-members"]).await;
}

#[tokio::test]
async fn another_4xx_is_tolerated_for_requests_that_no_client_sends() {
    let report = report(Fault::UndecryptableIs400).await;
    assert_eq!(
        ids(&report, Verdict::Fail),
        ["undecryptable.tampered-tag", "undecryptable.foreign-key"]
    );
    let malformed = [
        "undecryptable.short-data",
        "undecryptable.empty-members",
        "undecryptable.bad-base64",
        "undecryptable.key-length",
        "undecryptable.iv-length",
    ];
    assert_eq!(ids(&report, Verdict::Advice), malformed);
}

#[tokio::test]
async fn a_request_to_an_endpoint_that_hangs_times_out() {
    let url = serve(Fault::ShortDataHangs).await;
    // All other requests get a response at once; the long timeout is for slow machines.
    let check = check(&url).timeout(Duration::from_secs(3)).build().unwrap();
    let report = check.run(|_| ()).await.unwrap();
    assert_eq!(
        ids(&report, Verdict::Fail),
        ["undecryptable.short-data"],
        "{report:#?}"
    );
    assert_eq!(
        report.finding("undecryptable.short-data").unwrap().seen,
        "no response within 3000 ms"
    );
}

#[tokio::test]
async fn a_crash_fails_one_rule_and_the_rest_is_not_run() {
    let report = report(Fault::ShortDataKills).await;
    assert_eq!(
        ids(&report, Verdict::Fail),
        ["undecryptable.short-data"],
        "{report:#?}"
    );
    let seen = &report.finding("undecryptable.short-data").unwrap().seen;
    assert_eq!(
        seen,
        "the endpoint closed the connection without a response, and the endpoint stopped responding"
    );
    let after = report.finding("signature.missing").unwrap();
    assert_eq!(after.verdict, Verdict::NotRun);
    assert_eq!(
        after.seen,
        "the endpoint stopped responding after undecryptable.short-data"
    );
}

#[tokio::test]
async fn the_check_waits_for_a_restart_and_reports_the_crash() {
    for (fault, id) in [
        (Fault::ShortDataKillsForASecond, "undecryptable.short-data"),
        (Fault::OversizeKillsForASecond, "size.oversize"),
    ] {
        let report = report(fault).await;
        assert_eq!(ids(&report, Verdict::Fail), [id], "{report:#?}");
        assert_eq!(ids(&report, Verdict::NotRun), [""; 0], "{report:#?}");
        let seen = &report.finding(id).unwrap().seen;
        assert!(
            seen.starts_with("the endpoint closed the connection without a response, and it took ")
                && seen.ends_with(" until the endpoint responded again"),
            "{seen}"
        );
    }
}

#[tokio::test]
async fn a_crash_on_an_oversized_body_is_not_a_refusal() {
    is_found_by(Fault::OversizeKills, &["size.oversize"]).await;
}

#[tokio::test]
async fn responses_that_phones_cannot_read() {
    is_found_by(Fault::QuotedResponse, &["reply.encoding"]).await;
    is_found_by(Fault::WrappedResponse, &["reply.encoding"]).await;
    is_found_by(Fault::UrlSafeResponse, &["reply.encoding"]).await;
    is_found_by(Fault::PlainResponse, &["reply.encryption"]).await;
    is_found_by(Fault::UnflippedVector, &["reply.encryption"]).await;
    is_advised_by(Fault::ResponseWithLineEnd, &["reply.encoding"]).await;
    is_advised_by(Fault::JsonResponse, &["reply.content-type"]).await;
    is_advised_by(Fault::HtmlResponse, &["reply.content-type"]).await;
    is_found_by(Fault::QuotedAcknowledgement, &["notification.error"]).await;
}

#[tokio::test]
async fn a_fault_in_the_base64_hides_no_other_rule() {
    for (fault, verdict, words) in [
        (
            Fault::ResponseWithLineEnd,
            Verdict::Advice,
            "a line end follows the base64",
        ),
        (Fault::QuotedResponse, Verdict::Fail, "quoted as a JSON string"),
        (Fault::WrappedResponse, Verdict::Fail, "wrapped into lines"),
        (Fault::UrlSafeResponse, Verdict::Fail, "URL-safe"),
    ] {
        let report = report(fault).await;
        let encoding = report.finding("reply.encoding").unwrap();
        assert_eq!(encoding.verdict, verdict, "{fault:?}");
        assert!(encoding.seen.contains(words), "{}", encoding.seen);
        let unseen = ["http.tls", "exchange.data"];
        assert!(
            ids(&report, Verdict::Skipped)
                .iter()
                .all(|id| unseen.contains(id)),
            "{fault:?}: {report:#?}"
        );
        assert_eq!(report.finding("reply.encryption").unwrap().verdict, Verdict::Pass);
    }
}

#[tokio::test]
async fn a_200_alone_does_not_prove_decryption() {
    for fault in [Fault::AllIsOk, Fault::PlainResponse] {
        let report = report(fault).await;
        for id in ["crypto.oaep", "crypto.iv"] {
            assert_eq!(
                report.finding(id).unwrap().verdict,
                Verdict::Skipped,
                "{fault:?} {id}"
            );
        }
    }
    let all_is_ok = report(Fault::AllIsOk).await;
    for id in [
        "signature.raw-bytes",
        "envelope.unknown-members",
        "envelope.escaped-slashes",
        "envelope.version",
        "size.large",
    ] {
        assert_eq!(all_is_ok.finding(id).unwrap().verdict, Verdict::Skipped, "{id}");
    }
    let plain_ping = report(Fault::PingIsPlain).await;
    assert_eq!(plain_ping.finding("crypto.oaep").unwrap().verdict, Verdict::Pass);
    let unflipped = report(Fault::UnflippedVector).await;
    assert_eq!(unflipped.finding("crypto.oaep").unwrap().verdict, Verdict::Pass);
}

#[tokio::test]
async fn another_way_to_decrypt_is_named() {
    is_found_by(Fault::TwelveByteVector, &["crypto.iv"]).await;
    is_found_by(Fault::OaepBySha1, &["crypto.oaep"]).await;
}

#[tokio::test]
async fn responses_of_the_wrong_kind() {
    is_found_by(Fault::PingIs500, &["exchange.ping"]).await;
    is_found_by(Fault::PingIsAcknowledged, &["exchange.ping"]).await;
    is_found_by(Fault::InitHasNoScreen, &["exchange.init"]).await;
    is_found_by(Fault::InitIsRefused, &["exchange.init"]).await;
    is_found_by(Fault::NotificationIsAScreen, &["notification.error"]).await;
    is_found_by(Fault::NotificationByInitIsAScreen, &["notification.error-init"]).await;
    is_found_by(Fault::AcknowledgementIsPlain, &["notification.error"]).await;
    is_advised_by(Fault::ErrorKeyIsUnknown, &["notification.error-key"]).await;
}

#[tokio::test]
async fn the_remedy_for_a_ping_depends_on_its_status() {
    let url = serve(Fault::None).await;
    let remedy = async |check: ConformanceCheckBuilder| {
        let report = check.build().unwrap().run(|_| ()).await.unwrap();
        report.finding("exchange.ping").unwrap().check.remedy
    };
    let secret = remedy(check(&url).app_secret("another")).await;
    assert!(
        secret.contains("app secret") && secret.contains("raw"),
        "{secret}"
    );
    let key = include_str!("../../data/pywa_public_key_spki.pem");
    let key = remedy(check(&url).public_key_pem(key)).await;
    assert!(key.contains("private key"), "{key}");
    let path = remedy(check(&serve(Fault::PingIs404).await)).await;
    assert!(path.contains("nothing is at this path"), "{path}");
    let log = remedy(check(&serve(Fault::PingIs500).await)).await;
    assert!(log.contains("log"), "{log}");
    let notification = report(Fault::NotificationIs500).await;
    let remedy = notification.finding("notification.error").unwrap().check.remedy;
    assert!(remedy.contains("log"), "{remedy}");
    // If pings are accepted, a 432 is about the signature of the Flow token.
    let report = report(Fault::UnsignedTokenIs432).await;
    let remedy = report.finding("exchange.init").unwrap().check.remedy;
    assert!(remedy.contains("flow_token_signature"), "{remedy}");
}

#[tokio::test]
async fn a_427_to_a_ping_is_a_failure() {
    is_found_by(Fault::PingIs427, &["exchange.ping"]).await;
    let report = report(Fault::PingIs427).await;
    assert_eq!(
        report.finding("exchange.ping").unwrap().seen,
        "status 427 instead of 200: a ping carries no Flow token that could be invalid"
    );
}

#[tokio::test]
async fn init_can_be_disabled() {
    let url = serve(Fault::InitIsRefused).await;
    let report = check(&url)
        .init(false)
        .build()
        .unwrap()
        .run(|_| ())
        .await
        .unwrap();
    assert!(report.is_conformant(), "{report:#?}");
    for id in [
        "exchange.init",
        "notification.error-init",
        "envelope.token-signature",
    ] {
        let finding = report.finding(id).unwrap();
        assert_eq!(finding.verdict, Verdict::Skipped, "{id}");
        assert!(finding.seen.contains("INIT is disabled"), "{}", finding.seen);
    }
    let check = check(&url)
        .init(false)
        .data_exchange("FIRST", serde_json::json!({}));
    let report = check.build().unwrap().run(|_| ()).await.unwrap();
    let signed = report.finding("envelope.token-signature").unwrap();
    assert_eq!(
        signed.verdict,
        Verdict::Pass,
        "a data_exchange is sent instead: {report:#?}"
    );
}

#[tokio::test]
async fn a_refused_flow_token_is_not_a_failure() {
    let report = report(Fault::TokenIsUnknown).await;
    assert!(report.is_conformant(), "{report:#?}");
    let init = report.finding("exchange.init").unwrap();
    assert_eq!(
        (init.verdict, &*init.seen),
        (
            Verdict::Skipped,
            "status 427, no body: use a Flow token that the endpoint accepts"
        )
    );
    let signed = report.finding("envelope.token-signature").unwrap();
    assert_eq!(signed.verdict, Verdict::Skipped, "{signed}");
}

#[tokio::test]
async fn faults_in_reading_envelopes() {
    is_found_by(Fault::UnknownMembersAreRefused, &["envelope.unknown-members"]).await;
    is_found_by(Fault::EscapedSlashesAreRefused, &["envelope.escaped-slashes"]).await;
    is_found_by(Fault::OtherJsonIs500, &["envelope.other-json"]).await;
    is_found_by(Fault::NoJsonIs500, &["envelope.no-json"]).await;
    is_advised_by(Fault::Version4IsRefused, &["envelope.version"]).await;
    is_advised_by(Fault::SignedTokenIsRefused, &["envelope.token-signature"]).await;
}

#[tokio::test]
async fn faults_in_sizes_methods_and_connections() {
    is_found_by(Fault::BodyLimitOf100Kb, &["size.large"]).await;
    is_found_by(Fault::OversizeIs500, &["size.oversize"]).await;
    is_advised_by(Fault::NoBodyLimit, &["size.oversize"]).await;
    is_advised_by(Fault::GetIs200, &["http.method"]).await;
    is_advised_by(Fault::ConnectionsAreClosed, &["http.keep-alive"]).await;
}

#[tokio::test]
async fn pings_that_got_no_200_are_reported_with_their_status() {
    let url = serve(Fault::EveryThirdIs503).await;
    let report = check(&url).pings(9).build().unwrap().run(|_| ()).await.unwrap();
    let seen = &report.finding("latency.limit").unwrap().seen;
    assert!(
        seen.starts_with("3 of 9 pings got no 200 response: status 503"),
        "{seen}"
    );
}

#[tokio::test]
async fn the_latency_names_the_kind_of_request() {
    let report = report(Fault::PingIs500).await;
    let seen = &report.finding("latency.limit").unwrap().seen;
    assert!(seen.starts_with("the slowest of 4 INIT requests took "), "{seen}");
}

#[tokio::test]
async fn requests_have_a_user_agent() {
    assert!(report(Fault::RefusesMissingUserAgent).await.is_conformant());
}
