//! A right endpoint, and what is no fault of any endpoint.

use std::time::Duration;

use serde_json::json;
use tokio::net::TcpListener;
use wa_emulator::{Check, ConformanceBuildError, ConformanceCheck, ConformanceError, Verdict};

use crate::endpoint::{SECRET, serve, serve_over_tls};
use crate::fault::Fault;
use crate::faults::{check, ids};

#[tokio::test]
async fn a_right_endpoint_passes_all_of_it() {
    let url = serve(Fault::None).await;
    let check = check(&url)
        .data_exchange("FIRST", json!({"name": "Zoë"}))
        .build()
        .unwrap();
    let mut told = Vec::new();
    let report = check
        .run(|progress| {
            assert!(progress.done <= progress.total);
            told.push(progress.finding.check.id);
        })
        .await
        .unwrap();
    // Plain http on this machine is the one thing that there is nothing to say about.
    assert_eq!(ids(&report, Verdict::Skipped), ["http.tls"], "{report:#?}");
    assert_eq!(report.counts().passed, Check::all().len() - 1, "{report:#?}");
    assert!(report.is_conformant());
    assert_eq!(report.latency.unwrap().pings, 4);
    told.sort_unstable();
    let mut all: Vec<_> = Check::all().iter().map(|check| check.id).collect();
    all.sort_unstable();
    assert_eq!(told, all, "every finding is told once");
}

#[tokio::test]
async fn over_tls_the_certificate_has_to_be_trusted() {
    let (url, certificate) = serve_over_tls().await;
    let trusting = check(&url).root_certificate_pem(certificate).build().unwrap();
    let report = trusting.run(|_| ()).await.unwrap();
    assert!(report.is_conformant(), "{report:#?}");
    let passed = ids(&report, Verdict::Pass);
    assert!(passed.contains(&"http.keep-alive"), "{passed:?}");
    // The system's authorities do not know it.
    assert!(
        ids(&report, Verdict::Skipped).contains(&"http.tls"),
        "{report:#?}"
    );
    let report = check(&url).build().unwrap().run(|_| ()).await.unwrap();
    let tls = report.finding("http.tls").unwrap();
    assert_eq!(tls.verdict, Verdict::Fail, "{report:#?}");
    assert!(tls.seen.contains("no authority that is trusted here"), "{tls}");
    assert_eq!(report.counts().not_run, Check::all().len() - 2, "{report:#?}");
}

#[tokio::test]
async fn a_port_of_the_other_scheme_is_told() {
    let (url, _) = serve_over_tls().await;
    let plain = check(&url.replace("https", "http")).build().unwrap();
    let refused = plain.run(|_| ()).await.unwrap_err();
    let ConformanceError::Unreachable { source } = refused else {
        panic!("{refused:?}");
    };
    assert!(source.to_string().contains("try https"), "{source}");
    let url = serve(Fault::None).await.replace("http", "https");
    let report = check(&url).build().unwrap().run(|_| ()).await.unwrap();
    let tls = report.finding("http.tls").unwrap();
    assert!(
        tls.verdict == Verdict::Fail && tls.seen.contains("try http"),
        "{tls}"
    );
}

#[tokio::test]
async fn an_endpoint_that_demands_signed_tokens_gets_them() {
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
async fn with_another_secret_or_key_nothing_but_the_ping_is_judged() {
    let url = serve(Fault::None).await;
    let other_key = include_str!("../data/pywa_public_key_spki.pem");
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
async fn where_nothing_listens_there_is_no_report() {
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
async fn when_the_time_is_up_the_rest_is_not_run_and_nothing_is_certified() {
    let url = serve(Fault::None).await;
    let check = check(&url).total_time(Duration::ZERO).build().unwrap();
    let report = check.run(|_| ()).await.unwrap();
    assert_eq!(report.finding("exchange.ping").unwrap().verdict, Verdict::Pass);
    let skipped = report.finding("signature.missing").unwrap();
    assert_eq!(
        (skipped.verdict, &*skipped.seen),
        (Verdict::NotRun, "the 0 s for the whole check are up")
    );
    assert_eq!(report.counts().failed, 0, "{report:#?}");
    assert!(!report.is_conformant());
}

#[tokio::test]
async fn a_check_may_take_for_ever_and_leave_out_its_pings() {
    let url = serve(Fault::None).await;
    let check = check(&url).total_time(Duration::MAX).pings(0).build().unwrap();
    let report = check.run(|_| ()).await.unwrap();
    assert_eq!(ids(&report, Verdict::NotRun), [""; 0], "{report:#?}");
    assert!(report.is_conformant(), "{report:#?}");
}

#[test]
fn what_is_needed_is_demanded() {
    let without = |check: wa_emulator::ConformanceCheckBuilder| check.build().unwrap_err();
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
fn ids_are_unique_and_every_rule_names_its_source_and_remedy() {
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
