//! No secret is shown in a report or in the log of its check.

use std::fmt::Write as _;

use serde_json::json;
use wa_phone::ConformanceCheck;

use super::endpoint::{PAIR, serve};
use super::fault::Fault;
use super::faults::check;

const CANARY: &str = "CANARYcanaryCANARY";

#[tokio::test]
async fn no_secret_is_shown() {
    let log_file = tempfile::NamedTempFile::new().unwrap();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(log_file.reopen().unwrap())
        .finish();
    // The subscriber is global: the other tests in this binary log to it too, and do not contain the canary.
    tracing::subscriber::set_global_default(subscriber).unwrap();
    let mut shown = String::new();
    for fault in [Fault::None, Fault::PlainResponse, Fault::InitHasNoScreen] {
        let url = serve(fault).await;
        let data = json!({CANARY: CANARY});
        // The endpoint returns the data, so the check reads it.
        let check = check(&url).flow_token(CANARY).data_exchange("FIRST", data);
        write!(shown, "{check:?}").unwrap();
        let check = check.build().unwrap();
        let report = check
            .run(|progress| write!(shown, "{progress:?}").unwrap())
            .await
            .unwrap();
        write!(
            shown,
            "{check:?}{report:?}{}",
            serde_json::to_string(&report).unwrap()
        )
        .unwrap();
    }
    let url = serve(Fault::None).await;
    let other = ConformanceCheck::builder(&*url)
        .public_key_pem(&*PAIR.pem)
        .app_secret(CANARY);
    write!(shown, "{other:?}").unwrap();
    let report = other.build().unwrap().run(|_| ()).await.unwrap();
    write!(shown, "{report:?}").unwrap();
    for bad in [
        CANARY.to_owned(),
        format!("-----BEGIN PUBLIC KEY-----\n{CANARY}\n-----END PUBLIC KEY-----"),
    ] {
        let refused = check(&url).public_key_pem(bad).build().unwrap_err();
        write!(shown, "{refused}{refused:?}").unwrap();
    }
    assert!(!shown.contains("CANARY"), "{shown}");
    let log = std::fs::read_to_string(&log_file).unwrap();
    assert!(log.contains("exchange.ping"), "the log is captured: {log}");
    assert!(!log.contains("CANARY"), "{log}");
}
