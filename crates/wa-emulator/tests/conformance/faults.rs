//! Every fault is found, and by the checks that are about it only.

use std::time::Duration;

use wa_emulator::{ConformanceCheck, ConformanceCheckBuilder, Report, Verdict};

use crate::endpoint::{PAIR, SECRET, serve};
use crate::fault::Fault;

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

/// The checks that have to fail; everything else passes or, where it cannot be told, is skipped.
pub(crate) async fn is_found_by(fault: Fault, failed: &[&str]) {
    let report = report(fault).await;
    assert_eq!(ids(&report, Verdict::Fail), failed, "{fault:?}: {report:#?}");
    assert_eq!(ids(&report, Verdict::Advice), [""; 0], "{fault:?}");
    assert!(!report.is_conformant());
}

/// The checks that give advice; the endpoint conforms all the same.
pub(crate) async fn is_advised_by(fault: Fault, advice: &[&str]) {
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
    ];
    is_found_by(Fault::NoSignatureCheck, &all).await;
    is_found_by(Fault::EmptySecretIsGood, &["signature.empty-secret"]).await;
    is_advised_by(Fault::AnyPrefixIsGood, &["signature.other-prefix"]).await;
    is_found_by(Fault::ShortSignatureIs500, &["signature.too-short"]).await;
    is_found_by(Fault::UnsignedIs401, &["signature.missing"]).await;
    is_found_by(Fault::SignatureOverJsonWrittenAnew, &["signature.raw-bytes"]).await;
}

#[tokio::test]
async fn a_signature_over_json_written_anew_in_another_style_is_named() {
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
    let seen = &report.finding("undecryptable.short-data").unwrap().seen;
    assert_eq!(
        seen,
        "the endpoint closed the connection without a response, and nothing was answered any more"
    );
    let after = report.finding("signature.missing").unwrap();
    assert_eq!(after.verdict, Verdict::NotRun);
    assert_eq!(
        after.seen,
        "the endpoint does not answer any more since undecryptable.short-data"
    );
}

#[tokio::test]
async fn an_endpoint_that_is_restarted_is_waited_for_and_blamed_for_its_crash() {
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
                && seen.ends_with(" until something was answered again"),
            "{seen}"
        );
    }
}

#[tokio::test]
async fn an_endpoint_that_dies_of_too_much_has_not_cut_it_off() {
    is_found_by(Fault::OversizeKills, &["size.oversize"]).await;
}

#[tokio::test]
async fn replies_that_no_phone_can_read() {
    is_found_by(Fault::QuotedReply, &["reply.encoding"]).await;
    is_found_by(Fault::WrappedReply, &["reply.encoding"]).await;
    is_found_by(Fault::UrlSafeReply, &["reply.encoding"]).await;
    is_found_by(Fault::PlainReply, &["reply.encryption"]).await;
    is_found_by(Fault::UnflippedVector, &["reply.encryption"]).await;
    is_advised_by(Fault::ReplyWithLineEnd, &["reply.encoding"]).await;
    is_advised_by(Fault::JsonReply, &["reply.content-type"]).await;
    is_advised_by(Fault::HtmlReply, &["reply.content-type"]).await;
    is_found_by(Fault::QuotedAcknowledgement, &["notification.error"]).await;
}

#[tokio::test]
async fn a_fault_in_how_a_reply_is_spelt_hides_nothing_else() {
    for (fault, verdict, words) in [
        (
            Fault::ReplyWithLineEnd,
            Verdict::Advice,
            "a line end follows the base64",
        ),
        (Fault::QuotedReply, Verdict::Fail, "quoted as a JSON string"),
        (Fault::WrappedReply, Verdict::Fail, "wrapped into lines"),
        (Fault::UrlSafeReply, Verdict::Fail, "URL-safe"),
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
async fn a_200_alone_is_no_proof_that_anything_was_decrypted() {
    for fault in [Fault::AllIsOk, Fault::PlainReply] {
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
async fn decryption_that_is_not_whatsapps_is_named() {
    is_found_by(Fault::TwelveByteVector, &["crypto.iv"]).await;
    is_found_by(Fault::OaepBySha1, &["crypto.oaep"]).await;
}

#[tokio::test]
async fn answers_that_are_not_what_was_asked_for() {
    is_found_by(Fault::PingIs500, &["exchange.ping"]).await;
    is_found_by(Fault::PingIsAcknowledged, &["exchange.ping"]).await;
    is_found_by(Fault::InitHasNoScreen, &["exchange.init"]).await;
    is_found_by(Fault::InitIsRefused, &["exchange.init"]).await;
    is_found_by(Fault::NoticeIsAScreen, &["notification.error"]).await;
    is_found_by(Fault::NoticeByInitIsAScreen, &["notification.error-init"]).await;
    is_found_by(Fault::AcknowledgementIsPlain, &["notification.error"]).await;
    is_advised_by(Fault::ErrorKeyIsUnknown, &["notification.error-key"]).await;
}

#[tokio::test]
async fn what_to_do_about_a_ping_depends_on_its_status() {
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
    let key = include_str!("../data/pywa_public_key_spki.pem");
    let key = remedy(check(&url).public_key_pem(key)).await;
    assert!(key.contains("private key"), "{key}");
    let path = remedy(check(&serve(Fault::PingIs404).await)).await;
    assert!(path.contains("nothing is at this path"), "{path}");
    let log = remedy(check(&serve(Fault::PingIs500).await)).await;
    assert!(log.contains("log"), "{log}");
    let notice = report(Fault::NoticeIs500).await;
    let notice = notice.finding("notification.error").unwrap().check.remedy;
    assert!(notice.contains("log"), "{notice}");
    // With a ping that is good, 432 is about the signature of the token.
    let report = report(Fault::UnsignedTokenIs432).await;
    let remedy = report.finding("exchange.init").unwrap().check.remedy;
    assert!(remedy.contains("flow_token_signature"), "{remedy}");
}

#[tokio::test]
async fn a_ping_that_is_refused_for_its_flow_token_is_not_answered() {
    is_found_by(Fault::PingIs427, &["exchange.ping"]).await;
    let report = report(Fault::PingIs427).await;
    assert_eq!(
        report.finding("exchange.ping").unwrap().seen,
        "status 427 instead of 200: a ping carries no Flow token that could be refused"
    );
}

#[tokio::test]
async fn an_endpoint_that_gets_no_init_is_not_sent_one() {
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
        assert!(finding.seen.contains("no INIT is sent"), "{}", finding.seen);
    }
    let check = check(&url)
        .init(false)
        .data_exchange("FIRST", serde_json::json!({}));
    let report = check.build().unwrap().run(|_| ()).await.unwrap();
    let signed = report.finding("envelope.token-signature").unwrap();
    assert_eq!(
        signed.verdict,
        Verdict::Pass,
        "a data_exchange does as well: {report:#?}"
    );
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
    let signed = report.finding("envelope.token-signature").unwrap();
    assert_eq!(signed.verdict, Verdict::Skipped, "{signed}");
}

#[tokio::test]
async fn envelopes_that_are_good_and_refused_or_bad_and_crash() {
    is_found_by(Fault::UnknownMembersAreRefused, &["envelope.unknown-members"]).await;
    is_found_by(Fault::EscapedSlashesAreRefused, &["envelope.escaped-slashes"]).await;
    is_found_by(Fault::OtherJsonIs500, &["envelope.other-json"]).await;
    is_found_by(Fault::NoJsonIs500, &["envelope.no-json"]).await;
    is_advised_by(Fault::Version4IsRefused, &["envelope.version"]).await;
    is_advised_by(Fault::SignedTokenIsRefused, &["envelope.token-signature"]).await;
}

#[tokio::test]
async fn sizes_methods_and_connections() {
    is_found_by(Fault::BodyLimitOf100Kb, &["size.large"]).await;
    is_found_by(Fault::OversizeIs500, &["size.oversize"]).await;
    is_advised_by(Fault::NoBodyLimit, &["size.oversize"]).await;
    is_advised_by(Fault::GetIsAnswered, &["http.method"]).await;
    is_advised_by(Fault::ConnectionsAreClosed, &["http.keep-alive"]).await;
}

#[tokio::test]
async fn requests_that_got_no_200_are_told_with_what_they_got() {
    let url = serve(Fault::EveryThirdIs503).await;
    let report = check(&url).pings(9).build().unwrap().run(|_| ()).await.unwrap();
    let seen = &report.finding("latency.limit").unwrap().seen;
    assert!(
        seen.starts_with("3 of 9 pings were not answered with 200: status 503"),
        "{seen}"
    );
}

#[tokio::test]
async fn what_was_measured_is_called_what_it_is() {
    let report = report(Fault::PingIs500).await;
    let seen = &report.finding("latency.limit").unwrap().seen;
    assert!(seen.starts_with("the slowest of 4 INIT requests took "), "{seen}");
}

#[tokio::test]
async fn a_firewall_that_wants_a_name_is_given_one() {
    assert!(report(Fault::RefusesStrangers).await.is_conformant());
}
