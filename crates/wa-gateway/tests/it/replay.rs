//! Requests that come more than once.

use std::net::TcpListener;
use std::time::Duration;

use http::StatusCode;
use serde_json::{Value, json};
use tokio::process::{Child, Command};
use wa_gateway::Gateway;

use crate::support::{
    Backend, Files, Phone, config_text, configure, eventually, holding_backend, init, metric, start,
    start_before,
};

/// A backend that never gives the same answer twice.
async fn counting_backend() -> Backend {
    let number = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    Backend::answering(move |_| {
        let number = number.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        async move {
            (
                200,
                json!({"screen": "NEXT", "data": {"number": number}}).to_string(),
            )
        }
    })
    .await
}

fn encrypt(phone: &Phone, payload: &Value) -> Vec<u8> {
    let request = phone.key.encrypt(payload.to_string().as_bytes()).unwrap();
    request.body().to_vec()
}

#[tokio::test]
async fn a_recorded_request_reaches_the_backend_once_and_has_one_response() {
    let (files, backend) = (Files::new(), counting_backend().await);
    let gateway = start_before(&files, &backend).await;
    let phone = Phone::new(&gateway);
    assert_eq!(
        metric(&gateway, "wa_gateway_repeats_total", &[("endpoint", "shop")]),
        0
    );
    assert!(
        gateway
            .metrics()
            .contains("wa_gateway_repeats_total{endpoint=\"shop\"} 0")
    );
    let body = encrypt(&phone, &init());
    let mut responses = Vec::new();
    for _ in 0..3 {
        let response = phone.post(&body).await;
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/plain");
        responses.push(response.into_body());
    }
    assert_eq!(responses[0], responses[1]);
    assert_eq!(responses[0], responses[2]);
    let other = [&body[..], b" "].concat();
    assert_eq!(phone.post(&other).await.status().as_u16(), 432);
    assert_eq!(backend.asked().len(), 1);
    assert_eq!(
        metric(&gateway, "wa_gateway_repeats_total", &[("endpoint", "shop")]),
        2
    );
    assert_eq!(
        metric(&gateway, "wa_gateway_refusals_total", &[("reason", "replayed")]),
        1
    );
}

#[tokio::test]
async fn identical_requests_at_once_reach_the_backend_once() {
    let files = Files::new();
    let (backend, release) = holding_backend().await;
    let gateway = start_before(&files, &backend).await;
    let phone = std::sync::Arc::new(Phone::new(&gateway));
    let body = encrypt(&phone, &init());
    let sent: Vec<_> = (0..20)
        .map(|_| {
            let (phone, body) = (std::sync::Arc::clone(&phone), body.clone());
            tokio::spawn(async move { phone.post(&body).await })
        })
        .collect();
    eventually("the backend is asked", || async { backend.asked().len() == 1 }).await;
    release.add_permits(20);
    for response in sent {
        assert_eq!(response.await.unwrap().status(), 200);
    }
    assert_eq!(backend.asked().len(), 1);
}

#[tokio::test]
async fn what_was_answered_is_remembered_across_reloads() {
    let (files, backend) = (Files::new(), counting_backend().await);
    let gateway = start_before(&files, &backend).await;
    let phone = Phone::new(&gateway);
    let body = encrypt(&phone, &init());
    let first = phone.post(&body).await.into_body();
    gateway.reload().await.unwrap();
    assert_eq!(phone.post(&body).await.into_body(), first);
    files.write_key("2.pem", 1);
    eventually("the key is read", || async {
        gateway.metrics().contains("state=\"enabled\"")
    })
    .await;
    assert_eq!(phone.post(&body).await.into_body(), first);
    assert_eq!(backend.asked().len(), 1);
}

#[tokio::test]
async fn endpoints_that_have_the_same_key_answer_a_request_once() {
    let (files, backend) = (Files::new(), counting_backend().await);
    let url = backend.url();
    let more =
        format!("[[endpoint]]\nname = \"other\"\npath = \"/other\"\nkeys = \"keys\"\nupstream = \"{url}\"\n");
    let gateway = start(&files, &config_text(&url, &more)).await;
    let phone = Phone::new(&gateway);
    let body = encrypt(&phone, &init());
    let first = phone.post(&body).await.into_body();
    let phone = phone.at(format!("http://{}/other", gateway.local_addr()));
    assert_eq!(phone.post(&body).await.into_body(), first);
    assert_eq!(backend.asked().len(), 1);
}

#[tokio::test]
async fn replays_are_answered_where_the_configuration_says_so() {
    let (files, backend) = (Files::new(), counting_backend().await);
    let text = config_text(&backend.url(), "danger_allow_replays = true");
    let report = configure(&files, &text).check().unwrap();
    assert!(report.warnings()[0].contains("danger_allow_replays"), "{report}");
    let gateway = start(&files, &text).await;
    let phone = Phone::new(&gateway);
    let body = encrypt(&phone, &init());
    let (first, second) = (phone.post(&body).await, phone.post(&body).await);
    assert_ne!(first.into_body(), second.into_body());
    assert_eq!(backend.asked().len(), 2);
}

#[tokio::test]
async fn a_payload_that_is_not_utf8_does_not_reach_the_backend() {
    let (files, backend) = (Files::new(), Backend::saying(200, "{}").await);
    let gateway = start_before(&files, &backend).await;
    let phone = Phone::new(&gateway);
    let payload = b"{\"version\":\"3.0\",\"action\":\"INIT\",\"more\":\"\xff\"}";
    let request = phone.key.encrypt(payload).unwrap();
    assert_eq!(phone.post(request.body()).await.status(), 400);
    assert!(backend.asked().is_empty());
    let payload = br#"{"version":"3.0","action":"INIT","data":{"half":"\ud83d","big":1e999}}"#;
    let request = phone.key.encrypt(payload).unwrap();
    assert_eq!(phone.post(request.body()).await.status(), 200);
    assert_eq!(
        backend.asked()[0].body,
        &payload[..],
        "what a backend may be able to read is passed on"
    );
}

const PASSWORD: &str = "s3cr3t-of-the-store";

/// A Redis server that keeps nothing on disk.
struct Store {
    server: Child,
    port: u16,
}

impl Store {
    /// Starts one on a free port. None without `redis-server`, which is an error on CI only.
    #[expect(clippy::print_stderr, reason = "says that tests are skipped")]
    async fn start() -> Option<Self> {
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let store = Self::start_at(port);
        if store.is_none() {
            assert!(
                std::env::var_os("CI").is_none(),
                "redis-server is missing: install the package redis-server"
            );
            eprintln!("skipped: redis-server is missing (`apt-get install redis-server`)");
        }
        let store = store?;
        eventually("the store listens", || async {
            tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_ok()
        })
        .await;
        Some(store)
    }

    fn start_at(port: u16) -> Option<Self> {
        let server = Command::new("redis-server")
            .args([
                "--port",
                &port.to_string(),
                "--bind",
                "127.0.0.1",
                "--requirepass",
                PASSWORD,
            ])
            .args(["--save", "", "--appendonly", "no", "--dir", "/tmp"])
            .stdout(std::process::Stdio::null())
            .kill_on_drop(true)
            .spawn();
        Some(Self {
            server: server.ok()?,
            port,
        })
    }

    fn url(&self) -> String {
        format!("redis://:{PASSWORD}@127.0.0.1:{}", self.port)
    }

    /// How long the keys in it live, in seconds.
    async fn lifetimes(&self) -> Vec<i64> {
        let client = redis::Client::open(self.url()).unwrap();
        let mut connection = client.get_multiplexed_async_connection().await.unwrap();
        let keys: Vec<String> = redis::cmd("KEYS")
            .arg("wa:replay:*")
            .query_async(&mut connection)
            .await
            .unwrap();
        let mut lifetimes = Vec::new();
        for key in keys {
            lifetimes.push(
                redis::cmd("TTL")
                    .arg(key)
                    .query_async(&mut connection)
                    .await
                    .unwrap(),
            );
        }
        lifetimes
    }

    #[cfg(unix)]
    async fn signal(&self, signal: &str) {
        let id = self.server.id().unwrap().to_string();
        let sent = Command::new("kill").args(["-s", signal, &id]).status().await;
        assert!(sent.unwrap().success());
    }
}

fn sharing(backend: &Backend, store: &str) -> String {
    format!("replay_store = \"{store}\"\n{}", config_text(&backend.url(), ""))
}

fn failures(gateway: &Gateway) -> u64 {
    metric(gateway, "wa_gateway_replay_store_failures_total", &[])
}

/// Sends new requests until one of them is claimed in the store.
async fn connected(gateway: &Gateway) {
    let phone = Phone::new(gateway);
    eventually("the store answers", || async {
        let before = failures(gateway);
        assert_eq!(phone.send(&init()).await.status, 200);
        failures(gateway) == before
    })
    .await;
}

#[tokio::test]
async fn gateways_that_share_a_store_answer_a_request_once() {
    let Some(store) = Store::start().await else { return };
    let (files, one, other) = (Files::new(), counting_backend().await, counting_backend().await);
    let gateways = [
        start(&files, &sharing(&one, &store.url())).await,
        start(&files, &sharing(&other, &store.url())).await,
    ];
    for gateway in &gateways {
        connected(gateway).await;
    }
    let asked = one.asked().len() + other.asked().len();
    let phones = [Phone::new(&gateways[0]), Phone::new(&gateways[1])];
    let body = encrypt(&phones[0], &init());
    let first = phones[0].post(&body).await;
    assert_eq!(first.status(), 200);
    for _ in 0..2 {
        let refused = phones[1].post(&body).await;
        assert_eq!((refused.status().as_u16(), refused.body().len()), (432, 0));
    }
    assert_eq!(phones[0].post(&body).await.into_body(), first.into_body());
    assert_eq!(one.asked().len() + other.asked().len(), asked + 1);
    let week = 7 * 86_400;
    assert!(
        store
            .lifetimes()
            .await
            .iter()
            .all(|seconds| (week - 100..=week).contains(seconds))
    );
}

#[tokio::test]
async fn exchanges_go_on_while_the_store_is_away_or_hangs() {
    let Some(mut store) = Store::start().await else {
        return;
    };
    let (files, backend) = (Files::new(), counting_backend().await);
    let gateway = start(&files, &sharing(&backend, &store.url())).await;
    connected(&gateway).await;
    let phone = Phone::new(&gateway);
    let before = failures(&gateway);

    #[cfg(unix)]
    {
        store.signal("STOP").await;
        for _ in 0..3 {
            assert_eq!(phone.send(&init()).await.status, 200);
        }
        assert!(failures(&gateway) >= before + 3);
        store.signal("CONT").await;
        connected(&gateway).await;
    }

    let before = failures(&gateway);
    store.server.kill().await.unwrap();
    let body = encrypt(&phone, &init());
    let first = phone.post(&body).await;
    assert_eq!((first.status(), failures(&gateway)), (StatusCode::OK, before + 1));
    assert_eq!(
        phone.post(&body).await.into_body(),
        first.into_body(),
        "the gateway's own memory decides"
    );

    let _store = Store::start_at(store.port).unwrap();
    connected(&gateway).await;
}

#[tokio::test]
async fn a_gateway_starts_without_its_store_and_shows_no_password() {
    let port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let (files, backend) = (Files::new(), counting_backend().await);
    let url = format!("redis://store-user:{PASSWORD}@127.0.0.1:{port}/1");
    files.write("store-url", &url);
    for setting in [
        format!("replay_store = \"{url}\""),
        "replay_store_file = \"store-url\"".to_owned(),
    ] {
        let text = format!("{setting}\n{}", config_text(&backend.url(), ""));
        let config = configure(&files, &text);
        let report = config.check().unwrap();
        assert_eq!(
            report.replay_store(),
            Some(format!("redis://127.0.0.1:{port}/1").as_str())
        );
        let printed = format!("{config:?} {report:?} {report}");
        assert!(
            !printed.contains(PASSWORD) && !printed.contains("store-user"),
            "{printed}"
        );
        let gateway = start(&files, &text).await;
        assert!(!format!("{gateway:?}").contains(PASSWORD));
        assert_eq!(Phone::new(&gateway).send(&init()).await.status, 200);
        assert_eq!(failures(&gateway), 1);
        gateway.shutdown(Duration::from_secs(5)).await;
    }
}
