//! A correct endpoint, and results that are not faults of an endpoint.

use std::time::Duration;

use serde_json::json;
use tokio::net::TcpListener;
use wa_phone::{Check, ConformanceBuildError, ConformanceCheck, ConformanceError, Verdict};

use super::endpoint::{SECRET, serve, serve_over_tls};
use super::fault::Fault;
use super::faults::{check, ids};

#[tokio::test]
async fn a_correct_endpoint_passes_all_rules() {
    let url = serve(Fault::None).await;
    let check = check(&url)
        .data_exchange("FIRST", json!({"name": "Zoë"}))
        .build()
        .unwrap();
    let mut reported = Vec::new();
    let report = check
        .run(|progress| {
            assert!(progress.done <= progress.total);
            reported.push(progress.finding.check.id);
        })
        .await
        .unwrap();
    // Only TLS cannot be judged over plain http.
    assert_eq!(ids(&report, Verdict::Skipped), ["http.tls"], "{report:#?}");
    assert_eq!(report.counts().passed, Check::all().len() - 1, "{report:#?}");
    assert!(report.is_conformant());
    assert_eq!(report.latency.unwrap().pings, 4);
    reported.sort_unstable();
    let mut all: Vec<_> = Check::all().iter().map(|check| check.id).collect();
    all.sort_unstable();
    assert_eq!(reported, all, "every finding is reported once");
}

#[tokio::test]
async fn the_certificate_must_be_trusted() {
    let (url, certificate) = serve_over_tls().await;
    let trusting = check(&url).root_certificate_pem(certificate).build().unwrap();
    let report = trusting.run(|_| ()).await.unwrap();
    assert!(report.is_conformant(), "{report:#?}");
    let passed = ids(&report, Verdict::Pass);
    assert!(passed.contains(&"http.keep-alive"), "{passed:?}");
    // The certificate is not issued by an authority of the system.
    assert!(
        ids(&report, Verdict::Skipped).contains(&"http.tls"),
        "{report:#?}"
    );
    let report = check(&url).build().unwrap().run(|_| ()).await.unwrap();
    let tls = report.finding("http.tls").unwrap();
    assert_eq!(tls.verdict, Verdict::Fail, "{report:#?}");
    assert!(tls.seen.contains("no trusted authority issued it"), "{tls}");
    assert_eq!(report.counts().not_run, Check::all().len() - 2, "{report:#?}");
}

#[tokio::test]
async fn a_url_with_the_wrong_scheme_is_reported() {
    let (url, _) = serve_over_tls().await;
    let plain = check(&url.replace("https", "http")).build().unwrap();
    let refused = plain.run(|_| ()).await.unwrap_err();
    let ConformanceError::Unreachable { source } = refused else {
        panic!("{refused:?}");
    };
    assert_eq!(source.remedy().as_deref(), Some("try https"), "{source}");
    let url = serve(Fault::None).await.replace("http", "https");
    let report = check(&url).build().unwrap().run(|_| ()).await.unwrap();
    let tls = report.finding("http.tls").unwrap();
    assert!(
        tls.verdict == Verdict::Fail && tls.check.remedy == "try http, or check the port",
        "{tls}"
    );
}

#[tokio::test]
async fn flow_token_signatures_can_be_sent_with_every_request() {
    let url = serve(Fault::None).await;
    let report = check(&url)
        .sign_flow_token(true)
        .build()
        .unwrap()
        .run(|_| ())
        .await
        .unwrap();
    assert!(report.is_conformant(), "{report:#?}");
    assert_eq!(ids(&report, Verdict::Advice), [""; 0]);
}

#[tokio::test]
async fn with_a_wrong_secret_or_key_only_the_ping_is_judged() {
    let url = serve(Fault::None).await;
    let other_key = include_str!("../../data/pywa_public_key_spki.pem");
    let checks = [
        (check(&url).app_secret("another"), "status 432 instead of 200"),
        (check(&url).public_key_pem(other_key), "status 421 instead of 200"),
    ];
    for (check, seen) in checks {
        let report = check.build().unwrap().run(|_| ()).await.unwrap();
        assert_eq!(ids(&report, Verdict::Fail), ["exchange.ping"], "{report:#?}");
        assert_eq!(report.finding("exchange.ping").unwrap().seen, seen);
        assert_eq!(report.counts().passed, 0);
        assert_eq!(report.latency, None);
    }
}

#[tokio::test]
async fn without_a_server_the_check_is_an_error() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    drop(listener);
    let refused = check(&url).build().unwrap().run(|_| ()).await.unwrap_err();
    assert!(
        matches!(refused, ConformanceError::Unreachable { .. }),
        "{refused:?}"
    );
}

#[tokio::test]
async fn after_the_time_limit_the_rest_is_not_run_and_the_endpoint_does_not_conform() {
    let url = serve(Fault::None).await;
    let check = check(&url).total_time(Duration::ZERO).build().unwrap();
    let report = check.run(|_| ()).await.unwrap();
    assert_eq!(report.finding("exchange.ping").unwrap().verdict, Verdict::Pass);
    let skipped = report.finding("signature.missing").unwrap();
    assert_eq!(
        (skipped.verdict, &*skipped.seen),
        (Verdict::NotRun, "the time limit of 0 s for the check was reached")
    );
    assert_eq!(report.counts().failed, 0, "{report:#?}");
    assert!(!report.is_conformant());
}

#[tokio::test]
async fn the_time_limit_can_be_unlimited_and_pings_can_be_disabled() {
    let url = serve(Fault::None).await;
    let check = check(&url).total_time(Duration::MAX).pings(0).build().unwrap();
    let report = check.run(|_| ()).await.unwrap();
    assert_eq!(ids(&report, Verdict::NotRun), [""; 0], "{report:#?}");
    assert!(report.is_conformant(), "{report:#?}");
}

#[test]
fn missing_settings_are_errors() {
    let without = |check: wa_phone::ConformanceCheckBuilder| check.build().unwrap_err();
    assert!(matches!(
        without(ConformanceCheck::builder("http://localhost/")),
        ConformanceBuildError::NoAppSecret
    ));
    assert!(matches!(
        without(check("http://localhost/").app_secret("")),
        ConformanceBuildError::NoAppSecret
    ));
    assert!(matches!(
        without(ConformanceCheck::builder("http://localhost/").app_secret(SECRET)),
        ConformanceBuildError::Phone { .. }
    ));
    assert!(matches!(
        without(check("localhost")),
        ConformanceBuildError::Phone { .. }
    ));
}

#[test]
fn ids_are_unique_and_every_rule_has_a_source_and_a_remedy() {
    for (at, check) in Check::all().iter().enumerate() {
        assert!(
            Check::all()[..at].iter().all(|before| before.id != check.id),
            "{}",
            check.id
        );
        for text in [check.title, check.rule, check.source, check.remedy] {
            assert!(!text.is_empty(), "{}", check.id);
        }
    }
}
