//! The gateway against everything that Meta's pages say of the data channel, checked by another
//! implementation.

use serde_json::json;
use wa_phone::{ConformanceCheck, ConformanceCheckBuilder, Report};

use crate::support::{Backend, Files, SECRET, config_text, key, start};

async fn report(check: ConformanceCheckBuilder) -> Report {
    let check = check
        .public_key_pem(key(0).public_key().to_pem())
        .app_secret(SECRET);
    check.build().unwrap().run(|_| ()).await.unwrap()
}

fn assert_conformant(report: &Report) {
    assert!(report.is_conformant(), "{:#?}", report.findings);
    assert!(report.counts().passed > 20, "{:?}", report.counts());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_gateway_passes_the_conformance_check() {
    let files = Files::new();
    let backend = Backend::saying(200, r#"{"screen":"WELCOME","data":{}}"#).await;
    for more in ["", "ping = \"upstream\"\nerror_notifications = \"upstream\""] {
        let gateway = start(&files, &config_text(&backend.url(), more)).await;
        let url = format!("http://{}/flow", gateway.local_addr());
        let check = ConformanceCheck::builder(url).data_exchange("WELCOME", json!({"choice": 1}));
        assert_conformant(&report(check).await);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_passes_with_signed_flow_tokens_required() {
    let (files, backend) = (
        Files::new(),
        Backend::saying(200, r#"{"screen":"WELCOME","data":{}}"#).await,
    );
    let more = "flow_token_signature = \"required\"";
    let gateway = start(&files, &config_text(&backend.url(), more)).await;
    let check =
        ConformanceCheck::builder(format!("http://{}/flow", gateway.local_addr())).sign_flow_token(true);
    assert_conformant(&report(check).await);
    let verdicts = backend
        .asked()
        .into_iter()
        .map(|asked| asked.headers["x-wa-flow-token-signature"].clone());
    assert!(verdicts.into_iter().all(|verdict| verdict == "valid"));
}
