//! The admin address.

use std::time::Duration;

use http::Method;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;
use wa_flows::MediaFixture;
use wa_gateway::{Gateway, metrics_reference};

use crate::support::{
    Backend, Files, Phone, admin, config_text, decrypt_media, eventually, init, metric, ping, start,
    start_before,
};

const PROBE: &str = "GET /livez HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n";

/// Series that an alert may be about, of one endpoint.
const ALERTS: [&str; 8] = [
    r#"exchanges_total{endpoint="NAME",action="INIT",status="500"}"#,
    r#"exchanges_total{endpoint="NAME",action="ping",status="200"}"#,
    r#"exchanges_total{endpoint="NAME",action="unknown",status="421"}"#,
    r#"refusals_total{endpoint="NAME",reason="bad_signature"}"#,
    r#"upstream_requests_total{endpoint="NAME",outcome="bad_schema"}"#,
    r#"upstream_retries_total{endpoint="NAME"}"#,
    r#"error_notifications_total{endpoint="NAME",error="response-decryption-error"}"#,
    r#"error_notifications_total{endpoint="NAME",error="other"}"#,
];

fn assert_all_zero(gateway: &Gateway, endpoint: &str) {
    let text = gateway.metrics();
    for series in ALERTS {
        let line = format!("wa_gateway_{} 0", series.replace("NAME", endpoint));
        assert!(text.lines().any(|scraped| scraped == line), "{line}\n{text}");
    }
}

#[tokio::test]
async fn every_series_exists_with_0_from_the_start_and_from_the_reload_that_adds_its_endpoint() {
    let (files, backend) = (Files::new(), Backend::saying(200, "{}").await);
    let gateway = start_before(&files, &backend).await;
    assert_all_zero(&gateway, "shop");
    let text = gateway.metrics();
    for line in [
        r#"wa_gateway_shed_total{reason="exchanges"} 0"#,
        r#"wa_gateway_shed_total{reason="connections"} 0"#,
        r#"wa_gateway_reloads_total{what="keys",result="failed"} 0"#,
        "wa_gateway_not_found_total 0",
        "wa_gateway_tls_handshake_failures_total 0",
    ] {
        assert!(text.lines().any(|scraped| scraped == line), "{line}\n{text}");
    }
    let more = format!(
        "[[endpoint]]\nname = \"bank\"\npath = \"/bank\"\nkeys = \"keys\"\nupstream = \"{}\"",
        backend.url()
    );
    files.write("gateway.toml", config_text(&backend.url(), &more));
    gateway.reload().await.unwrap();
    assert_all_zero(&gateway, "bank");
    assert_all_zero(&gateway, "shop");
}

#[tokio::test]
async fn every_metric_of_the_reference_is_scraped_and_none_besides() {
    let (files, backend) = (Files::new(), Backend::saying(200, "{}").await);
    let text = format!("key_store = \"store\"\n{}", config_text(&backend.url(), ""));
    let gateway = start(&files, &text).await;
    assert_eq!(Phone::new(&gateway).send(&init()).await.status, 200);
    assert_eq!(Phone::with_key(&gateway, 1).send(&init()).await.status, 421);
    let (status, text) = admin(&gateway, Method::GET, "/metrics", "").await;
    assert_eq!(status, 200);
    assert!(text.ends_with("# EOF\n"));
    let mut scraped: Vec<String> = text
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE "))
        .map(|line| {
            let (name, kind) = line.split_once(' ').unwrap();
            format!(
                "| `{name}{}` | {kind} |",
                if kind == "counter" { "_total" } else { "" }
            )
        })
        .collect();
    let reference = metrics_reference();
    let mut documented: Vec<String> = reference
        .lines()
        .filter(|line| line.starts_with("| `wa_gateway") && !line.contains("absent without TLS"))
        .map(|line| line.splitn(4, '|').take(3).collect::<Vec<_>>().join("|") + "|")
        .collect();
    scraped.sort();
    documented.sort();
    assert_eq!(scraped, documented);
    for line in [
        r#"wa_gateway_exchanges_total{endpoint="shop",action="INIT",status="200"} 1"#,
        r#"wa_gateway_upstream_requests_total{endpoint="shop",outcome="bad_schema"} 1"#,
        "wa_gateway_log_lines_dropped_total 7",
        r#"wa_gateway_decrypt_duration_seconds_count{endpoint="shop"} 2"#,
        r#"wa_gateway_exchange_duration_seconds_bucket{le="5.0",endpoint="shop"} 2"#,
    ] {
        assert!(text.contains(line), "{line} in\n{text}");
    }
}

#[tokio::test]
async fn health_other_paths_and_other_methods() {
    let (files, backend) = (Files::new(), Backend::saying(200, "{}").await);
    let gateway = start_before(&files, &backend).await;
    for (method, path, status) in [
        (Method::GET, "/livez", 200),
        (Method::GET, "/readyz", 200),
        (Method::HEAD, "/readyz", 200),
        (Method::POST, "/readyz", 405),
        (Method::GET, "/media/decrypt", 405),
        (Method::GET, "/", 404),
        (Method::GET, "/flow", 404),
    ] {
        assert_eq!(
            admin(&gateway, method.clone(), path, "").await.0.as_u16(),
            status,
            "{method} {path}"
        );
    }
    let phone = Phone::new(&gateway).at(format!("http://{}/metrics", gateway.local_addr()));
    assert_eq!(
        phone.send(&ping()).await.status,
        404,
        "nothing of it is on the public address"
    );
}

#[tokio::test]
async fn there_is_none_if_it_is_off() {
    let (files, backend) = (Files::new(), Backend::saying(200, "{}").await);
    let text = config_text(&backend.url(), "")
        .replace("[admin]\nlisten = \"127.0.0.1:0\"", "[admin]\nlisten = \"off\"");
    let gateway = start(&files, &text).await;
    assert_eq!(gateway.admin_addr(), None);
    assert!(TcpStream::connect(gateway.local_addr()).await.is_ok());
}

/// A description of media at an address.
fn media_description(url: &str) -> String {
    format!(
        r#"{{"media_id":"1","cdn_url":"{url}","file_name":"a.jpg","encryption_metadata":{{
            "encrypted_hash":"{h}","iv":"AAAAAAAAAAAAAAAAAAAAAA==","encryption_key":"{h}","hmac_key":"{h}",
            "plaintext_hash":"{h}"}}}}"#,
        h = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
    )
}

#[tokio::test]
async fn media_is_refused_unless_it_is_a_descriptor_of_whatsapp_s() {
    let (files, backend) = (Files::new(), Backend::saying(200, "{}").await);
    let gateway = start_before(&files, &backend).await;
    for (body, status) in [
        (String::new(), 400),
        ("{}".to_owned(), 400),
        (media_description("http://127.0.0.1/a"), 403),
        (media_description("https://169.254.169.254/latest"), 403),
        (media_description("https://mmg.whatsapp.net.evil.example/a"), 403),
    ] {
        let (answered, text) = admin(&gateway, Method::POST, "/media/decrypt", &body).await;
        assert_eq!(answered.as_u16(), status, "{body}\n{text}");
    }
}

#[tokio::test]
async fn media_is_fetched_checked_and_decrypted_for_the_backend() {
    let (files, backend) = (Files::new(), Backend::saying(200, "{}").await);
    let text = config_text(&backend.url(), "").replace(
        "[admin]",
        "[limits]\nmedia = 1000\n[admin]\ndanger_media_host = \"127.0.0.1\"",
    );
    let gateway = start(&files, &text).await;
    for (plaintext, altered, status) in [
        (vec![7; 999], false, 200),
        (vec![7; 999], true, 422),
        (vec![7; 2000], false, 413),
    ] {
        let mut made = MediaFixture::new("", "a.jpg", &plaintext).unwrap();
        if altered {
            made.cdn_file[0] ^= 1;
        }
        let file = made.cdn_file.clone();
        let cdn = Cdn::serving(file).await;
        made.description["cdn_url"] = cdn.url.clone().into();
        let (answered, body) = decrypt_media(&gateway, &made.description.to_string()).await;
        assert_eq!(answered.as_u16(), status, "{}", String::from_utf8_lossy(&body));
        assert_eq!(body == plaintext, status == 200);
    }
    let decrypted = |result| {
        metric(
            &gateway,
            "wa_gateway_media_decryptions_total",
            &[("result", result)],
        )
    };
    assert_eq!((decrypted("ok"), decrypted("refused")), (1, 2));
}

/// Sends a request on a connection of its own; what came back until the end of the connection.
async fn exchange(gateway: &Gateway, request: &str) -> String {
    let mut stream = TcpStream::connect(gateway.admin_addr().unwrap()).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut response = String::new();
    stream.read_to_string(&mut response).await.unwrap();
    response
}

#[tokio::test]
async fn only_probes_are_answered_under_a_name_that_is_not_configured() {
    let (files, backend) = (Files::new(), Backend::saying(200, "{}").await);
    let text = config_text(&backend.url(), "").replace("[admin]", "[admin]\nhosts = [\"metrics.internal\"]");
    let gateway = start(&files, &text).await;
    for (path, host, status) in [
        ("/metrics", "evil.example:9464", 403),
        ("/metrics", "metrics.internal:9464", 200),
        ("/metrics", "127.0.0.1:9464", 200),
        ("/livez", "evil.example", 200),
        ("/readyz", "evil.example", 200),
    ] {
        let request = format!("GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
        let response = exchange(&gateway, &request).await;
        assert!(
            response.starts_with(&format!("HTTP/1.1 {status} ")),
            "{path} {host}\n{response}"
        );
        let names_the_setting = response.contains("`hosts` in the table [admin]");
        assert_eq!(names_the_setting, status == 403, "{response}");
    }
    let request = "POST /media/decrypt HTTP/1.1\r\nhost: evil.example\r\nconnection: close\r\n\
        content-type: application/json\r\ncontent-length: 2\r\n\r\n{}";
    let response = exchange(&gateway, request).await;
    assert!(response.starts_with("HTTP/1.1 403 "), "{response}");
}

/// At default settings: the limits of the admin address are fixed.
#[tokio::test]
async fn half_sent_bodies_hold_up_neither_probes_nor_the_end() {
    let (files, backend) = (Files::new(), Backend::saying(200, "{}").await);
    let gateway = start_before(&files, &backend).await;
    let address = gateway.admin_addr().unwrap();
    let half = b"POST /media/decrypt HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n\
        content-length: 600\r\n\r\n{";
    let mut held = Vec::new();
    for _ in 0..2048 {
        let mut stream = TcpStream::connect(address).await.unwrap();
        // One that was closed for a newer one takes nothing any more.
        let _ = stream.write_all(half).await;
        held.push(stream);
    }
    for number in 0..10 {
        let response = timeout(Duration::from_secs(30), exchange(&gateway, PROBE)).await;
        let response = response.expect("a probe is not answered");
        assert!(
            response.starts_with("HTTP/1.1 200 "),
            "probe {number}: {response}"
        );
    }
    let end = timeout(Duration::from_secs(5), gateway.run_until(async {})).await;
    assert_eq!(end.expect("half-sent bodies hold up the end"), 0);
}

/// At default settings: responses to refused media requests, left unread, do not protect their connections.
#[cfg(unix)]
#[tokio::test]
async fn unread_responses_on_all_connections_do_not_block_probes() {
    const ALL: usize = 64;
    let (files, backend) = (Files::new(), Backend::saying(200, "{}").await);
    let gateway = start_before(&files, &backend).await;
    let body = media_description("https://127.0.0.1/a");
    let request = format!(
        "POST /media/decrypt HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    );
    let requests = request.repeat(16);
    let mut held = tokio::task::JoinSet::new();
    for _ in 0..ALL {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4096).unwrap();
        // Small segments keep the send buffer of the gateway small.
        socket2::SockRef::from(&socket).set_tcp_mss(536).unwrap();
        let mut stream = socket.connect(gateway.admin_addr().unwrap()).await.unwrap();
        let requests = requests.clone();
        held.spawn(async move {
            // Once the gateway cannot write, it also stops reading.
            for _ in 0..1000 {
                let written =
                    timeout(Duration::from_millis(500), stream.write_all(requests.as_bytes())).await;
                if !matches!(written, Ok(Ok(()))) {
                    break;
                }
            }
            stream
        });
    }
    let held = held.join_all().await;
    assert_eq!(held.len(), ALL);
    for number in 0..10 {
        let response = timeout(Duration::from_secs(30), exchange(&gateway, PROBE)).await;
        let response = response.expect("a probe is not answered");
        assert!(
            response.starts_with("HTTP/1.1 200 "),
            "probe {number}: {response}"
        );
    }
}

/// At default settings: 6 files are in memory at a time, also those that the client does not read.
#[tokio::test]
async fn a_file_that_is_not_read_keeps_its_slot() {
    let (files, backend) = (Files::new(), Backend::saying(200, "{}").await);
    let text =
        config_text(&backend.url(), "").replace("[admin]", "[admin]\ndanger_media_host = \"127.0.0.1\"");
    let gateway = start(&files, &text).await;
    // Longer than the buffers of two sockets.
    let mut made = MediaFixture::new("", "a.jpg", &vec![7; 12 << 20]).unwrap();
    let cdn = Cdn::serving(std::mem::take(&mut made.cdn_file)).await;
    made.description["cdn_url"] = cdn.url.clone().into();
    let description = made.description.to_string();
    let begin = async || {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4096).unwrap();
        let mut stream = socket.connect(gateway.admin_addr().unwrap()).await.unwrap();
        let head = format!(
            "POST /media/decrypt HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n\
             content-length: {}\r\n\r\n",
            description.len()
        );
        stream
            .write_all(&[head.as_bytes(), description.as_bytes()].concat())
            .await
            .unwrap();
        let mut status = [0; 12];
        stream.read_exact(&mut status).await.unwrap();
        (String::from_utf8_lossy(&status[9..]).into_owned(), stream)
    };
    let mut unread = Vec::new();
    for number in 0..40 {
        let (status, stream) = begin().await;
        assert_eq!(status, if number < 6 { "200" } else { "503" }, "file {number}");
        unread.push(stream);
    }
    unread.truncate(5);
    eventually("the slot is free again", || async { begin().await.0 == "200" }).await;
}

/// Serves one file.
struct Cdn {
    url: String,
}

impl Cdn {
    async fn serving(file: Vec<u8>) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/file", listener.local_addr().unwrap());
        let file = bytes::Bytes::from(file);
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let file = file.clone();
                let service = hyper::service::service_fn(move |_| {
                    let file = http_body_util::Full::new(file.clone());
                    async move { Ok::<_, std::convert::Infallible>(http::Response::new(file)) }
                });
                let io = hyper_util::rt::TokioIo::new(stream);
                let connection = hyper::server::conn::http1::Builder::new().serve_connection(io, service);
                tokio::spawn(async move { connection.await.ok() });
            }
        });
        Self { url }
    }
}
