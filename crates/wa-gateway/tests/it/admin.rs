//! What the admin address tells.

use http::Method;
use tokio::net::TcpStream;
use wa_flows::MediaFixture;
use wa_gateway::metrics_reference;

use crate::support::{
    Backend, Files, Phone, admin, config_text, decrypt_media, init, metric, ping, start, start_before,
};

#[tokio::test]
async fn every_metric_of_the_reference_is_scraped_and_none_besides() {
    let (files, backend) = (Files::new(), Backend::saying(200, "{}").await);
    let gateway = start_before(&files, &backend).await;
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
        r#"wa_gateway_upstream_requests_total{endpoint="shop",outcome="answered"} 1"#,
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

#[tokio::test]
async fn media_is_refused_unless_it_is_a_descriptor_of_whatsapp_s() {
    let (files, backend) = (Files::new(), Backend::saying(200, "{}").await);
    let gateway = start_before(&files, &backend).await;
    let descriptor = |url: &str| {
        format!(
            r#"{{"media_id":"1","cdn_url":"{url}","file_name":"a.jpg","encryption_metadata":{{
            "encrypted_hash":"{h}","iv":"AAAAAAAAAAAAAAAAAAAAAA==","encryption_key":"{h}","hmac_key":"{h}",
            "plaintext_hash":"{h}"}}}}"#,
            h = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
        )
    };
    for (body, status) in [
        (String::new(), 400),
        ("{}".to_owned(), 400),
        (descriptor("http://127.0.0.1/a"), 403),
        (descriptor("https://169.254.169.254/latest"), 403),
        (descriptor("https://mmg.whatsapp.net.evil.example/a"), 403),
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

/// Serves one file.
struct Cdn {
    url: String,
}

impl Cdn {
    async fn serving(file: Vec<u8>) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/file", listener.local_addr().unwrap());
        tokio::spawn(async move {
            let (stream, _) = listener.accept().await.unwrap();
            let service = hyper::service::service_fn(move |_| {
                let file = bytes::Bytes::from(file.clone());
                async move {
                    Ok::<_, std::convert::Infallible>(http::Response::new(http_body_util::Full::new(file)))
                }
            });
            let io = hyper_util::rt::TokioIo::new(stream);
            hyper::server::conn::http1::Builder::new()
                .serve_connection(io, service)
                .await
                .ok();
        });
        Self { url }
    }
}
