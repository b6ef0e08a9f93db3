//! Backends that fail in every way.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::support::{
    Backend, Files, Phone, config_text, eventually, holding_backend, init, metric, ping, start, start_before,
};

/// Takes connections and hands each to `serve`.
async fn raw<F, Fut>(serve: F) -> (String, Arc<AtomicUsize>)
where
    F: Fn(tokio::net::TcpStream, usize) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let connections = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&connections);
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let number = count.fetch_add(1, Ordering::SeqCst);
            tokio::spawn(serve(stream, number));
        }
    });
    (url, connections)
}

#[tokio::test]
async fn what_is_no_answer_by_the_contract_is_500_with_an_empty_body() {
    let files = Files::new();
    for (status, body, outcome) in [
        (500, r#"{"screen":"A"}"#, "bad_status"),
        (404, "", "bad_status"),
        (302, "", "bad_status"),
        (201, "{}", "bad_status"),
        (204, "", "bad_status"),
        (200, "<html>oops</html>", "bad_json"),
        (200, "[1]", "bad_json"),
        (200, "", "bad_json"),
    ] {
        let backend = Backend::saying(status, body).await;
        let gateway = start_before(&files, &backend).await;
        let reply = Phone::new(&gateway).send(&init()).await;
        assert_eq!(
            (reply.status.as_u16(), reply.body.len()),
            (500, 0),
            "{status} {body}"
        );
        assert_eq!(
            reply.headers["x-exchange-id"],
            backend.asked()[0].headers["x-wa-request-id"]
        );
        assert_eq!(
            metric(
                &gateway,
                "wa_gateway_upstream_requests_total",
                &[("outcome", outcome)]
            ),
            1
        );
    }
}

#[tokio::test]
async fn a_200_that_phones_cannot_show_is_passed_on_and_counted_separately() {
    let files = Files::new();
    let count = |gateway: &_, outcome| {
        metric(
            gateway,
            "wa_gateway_upstream_requests_total",
            &[("outcome", outcome)],
        )
    };
    for body in [
        "{}",
        r#"{"screen":"A"}"#,
        r#"{"data":{}}"#,
        r#"{"data":[],"screen":"A"}"#,
    ] {
        let backend = Backend::saying(200, body).await;
        let gateway = start_before(&files, &backend).await;
        let reply = Phone::new(&gateway).send(&init()).await;
        assert_eq!(reply.status, 200);
        assert_eq!(reply.open().to_string(), body);
        assert_eq!(
            (count(&gateway, "bad_schema"), count(&gateway, "answered")),
            (1, 0),
            "{body}"
        );
    }
    let backend = Backend::saying(200, r#"{"screen":"A","data":{}}"#).await;
    let gateway = start(&files, &config_text(&backend.url(), r#"ping = "upstream""#)).await;
    let phone = Phone::new(&gateway);
    assert_eq!(phone.send(&init()).await.status, 200);
    assert_eq!(phone.send(&ping()).await.status, 200);
    assert_eq!(
        (count(&gateway, "bad_schema"), count(&gateway, "answered")),
        (0, 2)
    );
}

#[tokio::test]
async fn an_answer_beyond_the_limit_is_500() {
    let files = Files::new();
    let backend =
        Backend::answering(|_| async { (200, format!("{{\"a\":\"{}\"}}", "x".repeat(5000))) }).await;
    let text =
        config_text(&backend.url(), "").replace("[admin]", "[limits]\nupstream_body = \"4 KiB\"\n[admin]");
    let gateway = start(&files, &text).await;
    assert_eq!(Phone::new(&gateway).send(&init()).await.status, 500);
    assert_eq!(
        metric(
            &gateway,
            "wa_gateway_upstream_requests_total",
            &[("outcome", "too_large")]
        ),
        1
    );
}

#[tokio::test]
async fn a_backend_that_is_late_is_504() {
    let files = Files::new();
    let backend = Backend::answering(|_| async {
        tokio::time::sleep(Duration::from_mins(1)).await;
        (200, "{}".to_owned())
    })
    .await;
    let gateway = start(
        &files,
        &config_text(&backend.url(), r#"upstream_timeout = "200ms""#),
    )
    .await;
    assert_eq!(Phone::new(&gateway).send(&init()).await.status, 504);
    assert_eq!(
        metric(
            &gateway,
            "wa_gateway_upstream_requests_total",
            &[("outcome", "timed_out")]
        ),
        1
    );
}

#[tokio::test]
async fn a_backend_that_is_down_is_tried_twice_and_is_503() {
    let files = Files::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    drop(listener);
    let gateway = start(&files, &config_text(&url, "")).await;
    assert_eq!(Phone::new(&gateway).send(&init()).await.status, 503);
    assert_eq!(metric(&gateway, "wa_gateway_upstream_retries_total", &[]), 1);
    assert_eq!(
        metric(
            &gateway,
            "wa_gateway_upstream_requests_total",
            &[("outcome", "unreachable")]
        ),
        1
    );
}

#[tokio::test]
async fn a_request_that_may_have_been_processed_is_never_sent_again() {
    let files = Files::new();
    // It reads the request and hangs up.
    let (url, connections) = raw(|mut stream, _| async move {
        let mut request = [0; 4096];
        let _ = stream.read(&mut request).await;
    })
    .await;
    let gateway = start(&files, &config_text(&url, "")).await;
    assert_eq!(Phone::new(&gateway).send(&init()).await.status, 500);
    assert_eq!(connections.load(Ordering::SeqCst), 1);
    assert_eq!(
        metric(
            &gateway,
            "wa_gateway_upstream_requests_total",
            &[("outcome", "broken")]
        ),
        1
    );
    assert_eq!(metric(&gateway, "wa_gateway_upstream_retries_total", &[]), 0);
}

#[tokio::test]
async fn a_kept_connection_that_breaks_under_a_request_does_not_have_it_sent_again() {
    let files = Files::new();
    // The first request of a connection is answered, the second is read and never answered.
    let (url, connections) = raw(|mut stream, _| async move {
        let mut request = [0; 4096];
        let _ = stream.read(&mut request).await;
        let _ = stream
            .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")
            .await;
        let _ = stream.read(&mut request).await;
    })
    .await;
    let gateway = start(&files, &config_text(&url, "")).await;
    let phone = Phone::new(&gateway);
    for (status, opened) in [(200, 1), (500, 1), (200, 2), (500, 2)] {
        assert_eq!(phone.send(&init()).await.status.as_u16(), status);
        assert_eq!(connections.load(Ordering::SeqCst), opened);
    }
}

#[tokio::test]
async fn an_idle_connection_that_the_backend_closes_costs_no_exchange() {
    let files = Files::new();
    let (url, connections) = raw(|mut stream, _| async move {
        let mut request = [0; 4096];
        let _ = stream.read(&mut request).await;
        let _ = stream
            .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")
            .await;
    })
    .await;
    let gateway = start(&files, &config_text(&url, "")).await;
    let phone = Phone::new(&gateway);
    for opened in 1..5 {
        assert_eq!(phone.send(&init()).await.status, 200);
        assert_eq!(connections.load(Ordering::SeqCst), opened);
        // Until the gateway's runtime has seen the end of the connection.
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn what_is_no_http_and_an_answer_cut_short_are_500() {
    let files = Files::new();
    for answer in [
        "garbage\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\n{\"a\":",
    ] {
        let (url, connections) = raw(move |mut stream, _| async move {
            let mut request = [0; 4096];
            let _ = stream.read(&mut request).await;
            let _ = stream.write_all(answer.as_bytes()).await;
        })
        .await;
        let gateway = start(&files, &config_text(&url, "")).await;
        assert_eq!(Phone::new(&gateway).send(&init()).await.status, 500, "{answer}");
        assert_eq!(connections.load(Ordering::SeqCst), 1);
    }
}

#[tokio::test]
async fn connections_to_the_backend_are_used_again_also_after_its_errors() {
    let files = Files::new();
    let turn = Arc::new(AtomicUsize::new(0));
    let backend = Backend::answering(move |_| {
        let status = if turn.fetch_add(1, Ordering::SeqCst).is_multiple_of(2) {
            500
        } else {
            200
        };
        async move { (status, "{}".to_owned()) }
    })
    .await;
    let gateway = start_before(&files, &backend).await;
    let phone = Phone::new(&gateway);
    for _ in 0..6 {
        phone.send(&init()).await;
    }
    assert_eq!(backend.asked().len(), 6);
    assert_eq!(backend.connections(), 1);
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let (files, backend) = (Files::new(), Backend::saying(307, "").await);
    let gateway = start_before(&files, &backend).await;
    assert_eq!(Phone::new(&gateway).send(&init()).await.status, 500);
    assert_eq!(backend.asked().len(), 1);
}

#[tokio::test]
async fn exchanges_beyond_the_limit_are_503_at_once_and_counted_as_shed() {
    let files = Files::new();
    let (backend, release) = holding_backend().await;
    let text = config_text(&backend.url(), "").replace("[admin]", "[limits]\nin_flight = 1\n[admin]");
    let gateway = start(&files, &text).await;
    let first = Phone::new(&gateway);
    let first = tokio::spawn(async move { first.send(&init()).await.status });
    eventually("the backend is asked", || async { backend.asked().len() == 1 }).await;
    assert_eq!(
        metric(
            &gateway,
            "wa_gateway_exchanges_in_flight",
            &[("endpoint", "shop")]
        ),
        1
    );
    assert_eq!(Phone::new(&gateway).send(&init()).await.status, 503);
    assert_eq!(
        metric(&gateway, "wa_gateway_shed_total", &[("reason", "exchanges")]),
        1
    );
    release.add_permits(1);
    assert_eq!(first.await.unwrap(), 200);
}

#[tokio::test]
async fn connections_beyond_the_limit_get_503_while_all_have_a_request_in_flight() {
    let files = Files::new();
    let (backend, release) = holding_backend().await;
    let text = config_text(&backend.url(), "").replace("[admin]", "[limits]\nconnections = 1\n[admin]");
    let gateway = start(&files, &text).await;
    let phone = Phone::new(&gateway);
    let exchange = tokio::spawn(async move { phone.send(&init()).await.status });
    eventually("the backend is asked", || async { backend.asked().len() == 1 }).await;
    let mut second = tokio::net::TcpStream::connect(gateway.local_addr())
        .await
        .unwrap();
    let mut answer = String::new();
    second.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    assert_eq!(
        metric(&gateway, "wa_gateway_shed_total", &[("reason", "connections")]),
        1
    );
    release.add_permits(1);
    assert_eq!(exchange.await.unwrap(), 200);
}

#[tokio::test]
async fn a_trace_continues_in_the_request_to_the_upstream() {
    const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let (files, backend) = (Files::new(), Backend::saying(200, "{}").await);
    let gateway = start_before(&files, &backend).await;
    let phone = Phone::new(&gateway);
    for (parent, passed_on) in [(PARENT, Some(PARENT)), ("00-0-0-0", None)] {
        let request = phone.key.encrypt(init().to_string().as_bytes()).unwrap();
        let headers = [("traceparent", parent), ("tracestate", "vendor=1")];
        assert_eq!(phone.post_with(request.body(), &headers).await.status(), 200);
        let asked = backend.asked().pop().unwrap();
        let passed = asked
            .headers
            .get("traceparent")
            .map(|value| value.to_str().unwrap());
        assert_eq!(passed, passed_on);
        assert_eq!(asked.headers.contains_key("tracestate"), passed_on.is_some());
    }
}
