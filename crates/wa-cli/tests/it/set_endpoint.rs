//! `wa encryption set --endpoint`: the key is uploaded only if the endpoint serves it.

use std::process::Output;

use serde_json::json;
use tokio::net::TcpListener;
use wa_cloud::flows::{AppSecret, FlowEndpoint, FlowRequest, FlowResponse, HandlerError, KeyRing};
use wa_cloud::keys::PrivateKey;
use wa_emulator::DEFAULT_APP_SECRET;

use crate::support::{Emulator, OTHER_PUBLIC, PRIVATE, PUBLIC, stderr};

async fn answer(_: FlowRequest) -> Result<FlowResponse, HandlerError> {
    Ok(FlowResponse::screen("FIRST", json!({})))
}

async fn serve(secret: &str) -> String {
    let key = PrivateKey::parse(std::fs::read(PRIVATE).unwrap(), None).unwrap();
    let endpoint = FlowEndpoint::builder(KeyRing::new(&key).unwrap(), answer)
        .app_secret(AppSecret::new(secret).unwrap())
        .build()
        .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/flow", listener.local_addr().unwrap());
    let app = axum::Router::new().route_service("/flow", endpoint);
    tokio::spawn(async move { axum::serve(listener, app).await });
    url
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_uploaded_only_if_the_endpoint_serves_it() {
    let emulator = Emulator::start(&["1001"]);
    let set = |key: &str, url: &str, secret: &str| -> Output {
        let mut command = emulator.wa("1001");
        command.env("WA_APP_SECRET", secret);
        command.args(["encryption", "set", key, "--endpoint", url]);
        tokio::task::block_in_place(|| command.output().unwrap())
    };
    let secret = DEFAULT_APP_SECRET;
    let url = serve(secret).await;
    let other_secret = serve("feedfacefeedfacefeedfacefeedface").await;
    for (key, url, secret, code, words) in [
        (
            OTHER_PUBLIC,
            &*url,
            secret,
            1,
            "does not serve key 3515f0b7dd37cfd4 (status 421)",
        ),
        (PUBLIC, &*other_secret, secret, 1, "status 432"),
        (PUBLIC, "http://127.0.0.1:1/flow", secret, 1, "cannot send a ping"),
        (PUBLIC, &*url, "", 2, "the app secret is missing"),
    ] {
        let output = set(key, url, secret);
        let said = stderr(&output);
        assert_eq!(output.status.code(), Some(code), "{said}");
        assert!(
            said.contains(words) && said.contains("hint: ") || url.contains(":1/"),
            "{said}"
        );
    }
    assert_eq!((emulator.calls(), emulator.uploads("1001")), (0, 0));

    let output = set(PUBLIC, &url, secret);
    assert!(output.status.success(), "{output:?}");
    assert!(stderr(&output).contains("checked: "));
    assert_eq!(emulator.uploads("1001"), 1);
}
