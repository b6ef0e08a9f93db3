//! Every fault is found, and by the checks that are about it only.

use std::time::Duration;

use wa_emulator::{ConformanceCheck, ConformanceCheckBuilder, Report, Verdict};

use crate::endpoint::{Fault, PAIR, SECRET, serve};

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

async fn report(fault: Fault) -> Report {
    let url = serve(fault).await;
    check(&url).build().unwrap().run(|_| ()).await.unwrap()
}

/// The checks that have to fail; everything else passes or, where it cannot be told, is skipped.
async fn is_found_by(fault: Fault, failed: &[&str]) {
    let report = report(fault).await;
    assert_eq!(ids(&report, Verdict::Fail), failed, "{fault:?}: {report:#?}");
    assert_eq!(ids(&report, Verdict::Advice), [""; 0], "{fault:?}");
    assert!(!report.is_conformant());
}

/// The checks that give advice; the endpoint conforms all the same.
async fn is_advised_by(fault: Fault, advice: &[&str]) {
    let report = report(fault).await;
    assert_eq!(ids(&report, Verdict::Advice), advice, "{fault:?}: {report:#?}");
    assert!(report.is_conformant(), "{fault:?}: {report:#?}");
}

#[tokio::test]
async fn signatures_that_are_not_checked_well() {
    let all = [
        "signature.missing",
        "signature.too-short",
        "signature.wrong",
        "signature.empty-secret",
        "signature.other-prefix",
    ];
    is_found_by(Fault::NoSignatureCheck, &all).await;
    is_found_by(Fault::EmptySecretIsGood, &["signature.empty-secret"]).await;
    is_found_by(Fault::AnyPrefixIsGood, &["signature.other-prefix"]).await;
    is_found_by(Fault::ShortSignatureIs500, &["signature.too-short"]).await;
    is_found_by(Fault::UnsignedIs401, &["signature.missing"]).await;
    is_found_by(Fault::SignatureOverJsonWrittenAnew, &["signature.raw-bytes"]).await;
}

#[tokio::test]
async fn statuses_of_what_cannot_be_decrypted() {
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
    is_found_by(Fault::EmptyTextsAre500, &["undecryptable.empty-members"]).await;
}

#[tokio::test]
async fn another_status_of_the_client_error_class_is_tolerated_where_no_client_sends_such_a_thing() {
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
async fn an_endpoint_that_hangs_is_waited_for_until_the_limit_and_no_longer() {
    let url = serve(Fault::ShortDataHangs).await;
    // Everything else answers at once; a generous limit keeps slow machines out of it.
    let check = check(&url).timeout(Duration::from_secs(3)).build().unwrap();
    let report = check.run(|_| ()).await.unwrap();
    assert_eq!(
        ids(&report, Verdict::Fail),
        ["undecryptable.short-data"],
        "{report:#?}"
    );
    assert_eq!(
        report.finding("undecryptable.short-data").unwrap().seen,
        "no answer within 3000 ms"
    );
}

#[tokio::test]
async fn an_endpoint_that_dies_is_blamed_for_that_and_for_nothing_after_it() {
    let report = report(Fault::ShortDataKills).await;
    assert_eq!(
        ids(&report, Verdict::Fail),
        ["undecryptable.short-data"],
        "{report:#?}"
    );
    let after = report.finding("signature.missing").unwrap();
    assert_eq!(after.verdict, Verdict::NotRun);
    assert_eq!(
        after.seen,
        "the endpoint does not answer any more since undecryptable.short-data"
    );
}

#[tokio::test]
async fn an_endpoint_that_dies_of_too_much_has_not_cut_it_off() {
    is_found_by(Fault::OversizeKills, &["size.oversize"]).await;
}

#[tokio::test]
async fn replies_that_no_phone_can_read() {
    is_found_by(Fault::QuotedReply, &["reply.encoding"]).await;
    is_found_by(Fault::PlainReply, &["reply.encryption"]).await;
    is_found_by(Fault::UnflippedVector, &["reply.encryption"]).await;
    is_advised_by(Fault::JsonReply, &["reply.content-type"]).await;
}

#[tokio::test]
async fn decryption_that_is_not_whatsapps_is_named() {
    is_found_by(Fault::TwelveByteVector, &["crypto.iv"]).await;
    is_found_by(Fault::OaepBySha1, &["crypto.oaep"]).await;
}

#[tokio::test]
async fn answers_that_are_not_what_was_asked_for() {
    is_found_by(Fault::PingIs500, &["exchange.ping"]).await;
    is_found_by(Fault::PingIsAcknowledged, &["exchange.ping"]).await;
    is_found_by(Fault::InitHasNoScreen, &["exchange.init"]).await;
    is_found_by(Fault::NoticeIsAScreen, &["notification.error"]).await;
    is_found_by(Fault::AcknowledgementIsPlain, &["notification.error"]).await;
    is_advised_by(Fault::ErrorKeyIsUnknown, &["notification.error-key"]).await;
}

#[tokio::test]
async fn a_flow_token_that_is_not_known_is_no_fault() {
    let report = report(Fault::TokenIsUnknown).await;
    assert!(report.is_conformant(), "{report:#?}");
    let init = report.finding("exchange.init").unwrap();
    assert_eq!(
        (init.verdict, &*init.seen),
        (
            Verdict::Skipped,
            "status 427, no body: name a Flow token that the endpoint knows"
        )
    );
}

#[tokio::test]
async fn envelopes_that_are_good_and_refused_or_bad_and_crash() {
    is_found_by(Fault::UnknownMembersAreRefused, &["envelope.unknown-members"]).await;
    is_found_by(Fault::EscapedSlashesAreRefused, &["envelope.escaped-slashes"]).await;
    is_found_by(Fault::OtherJsonIs500, &["envelope.other-json"]).await;
    is_found_by(Fault::NoJsonIs500, &["envelope.no-json"]).await;
    is_advised_by(Fault::Version4IsRefused, &["envelope.version"]).await;
}

#[tokio::test]
async fn sizes_methods_and_connections() {
    is_found_by(Fault::BodyLimitOf100Kb, &["size.large"]).await;
    is_found_by(Fault::OversizeIs500, &["size.oversize"]).await;
    is_advised_by(Fault::NoBodyLimit, &["size.oversize"]).await;
    is_advised_by(Fault::GetIsAnswered, &["http.method"]).await;
    is_advised_by(Fault::ConnectionsAreClosed, &["http.keep-alive"]).await;
}
