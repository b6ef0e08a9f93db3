//! Connections that fail, each in its own way.

use std::error::Error;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use wa_graph::{
    AccessToken, GraphClient, GraphError, GraphErrorKind, GraphRequest, RetryPolicy, TransportErrorKind,
};

use crate::support::{PATH, Server, Step, TOKEN, answer, builder, once};

async fn failure(client: &GraphClient) -> GraphError {
    client
        .execute::<Value>(GraphRequest::get(PATH))
        .await
        .unwrap_err()
}

fn kind(error: &GraphError) -> TransportErrorKind {
    match error.kind() {
        GraphErrorKind::Transport(transport) => transport.kind(),
        other => panic!("{other:?}"),
    }
}

async fn after(step: Step) -> GraphError {
    let server = Server::play(vec![step]).await;
    failure(&once(&server.url)).await
}

#[tokio::test]
async fn a_closed_port_is_a_failed_connection() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let error = failure(&once(&url)).await;
    assert_eq!(kind(&error), TransportErrorKind::Connect);
    assert!(error.source().is_some() && error.remedy().is_some());
}

#[tokio::test]
async fn an_unknown_host_is_a_failed_connection() {
    let error = failure(&once("https://graph.invalid")).await;
    assert_eq!(kind(&error), TransportErrorKind::Connect);
}

#[tokio::test]
async fn a_server_that_does_not_speak_tls_is_a_tls_failure() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream
            .write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            .await
            .unwrap();
        stream.read_to_end(&mut Vec::new()).await
    });
    let error = failure(&once(&url)).await;
    assert_eq!(kind(&error), TransportErrorKind::Tls);
}

#[tokio::test]
async fn a_reset_and_a_truncated_answer_are_interruptions() {
    let text = answer(200, "", r#"{"success":true}"#);
    let (head, whole) = (text.find("\r\n\r\n").unwrap(), text.len());
    for step in [
        Step::Reset,
        Step::SendThenClose {
            text: text.clone(),
            keep: 0,
        },
        Step::SendThenClose {
            text: text.clone(),
            keep: head,
        },
        Step::SendThenClose {
            text: text.clone(),
            keep: whole - 3,
        },
    ] {
        let error = after(step).await;
        assert_eq!(kind(&error), TransportErrorKind::Interrupted, "{error:?}");
        assert!(error.is_transient() && error.status().is_none());
    }
}

#[tokio::test]
async fn silence_and_a_slow_drip_run_into_the_timeout() {
    let text = answer(200, "", &"x".repeat(1000));
    for step in [
        Step::Silence,
        Step::Drip {
            text,
            every: Duration::from_millis(10),
        },
    ] {
        let server = Server::play(vec![step]).await;
        let client = builder(&server.url)
            .retry(RetryPolicy::none())
            .request_timeout(Duration::from_millis(150));
        assert_eq!(
            kind(&failure(&client.build().unwrap()).await),
            TransportErrorKind::Timeout
        );
    }
}

#[tokio::test]
async fn an_attempt_takes_no_longer_than_what_is_left_of_the_whole() {
    // Whole after a second, which the request timeout alone would allow.
    let drip = Step::Drip {
        text: answer(200, "", "{}"),
        every: Duration::from_millis(20),
    };
    let server = Server::play(vec![drip]).await;
    let policy = RetryPolicy::default().max_elapsed(Duration::from_millis(150));
    let error = failure(&builder(&server.url).retry(policy).build().unwrap()).await;
    assert_eq!((kind(&error), error.attempts()), (TransportErrorKind::Timeout, 1));
}

#[tokio::test]
async fn a_body_beyond_the_limit_is_not_read() {
    let body = format!("\"{}\"", "x".repeat(2000));
    let chunked = format!(
        "HTTP/1.1 200 OK\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n0\r\n\r\n",
        body.len()
    );
    let announced = "HTTP/1.1 200 OK\r\ncontent-length: 5000000000\r\n\r\n".to_owned();
    for text in [answer(200, "", &body), chunked, announced] {
        let server = Server::play(vec![Step::Send(text)]).await;
        let client = builder(&server.url)
            .retry(RetryPolicy::none())
            .max_response_bytes(2001)
            .build()
            .unwrap();
        assert_eq!(kind(&failure(&client).await), TransportErrorKind::TooLarge);
    }
    let server = Server::play(vec![Step::Send(answer(200, "", &body))]).await;
    let client = builder(&server.url).max_response_bytes(2002).build().unwrap();
    assert!(client.execute::<Value>(GraphRequest::get(PATH)).await.is_ok());
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let target = Server::play(vec![Step::Send(answer(200, "", "{}"))]).await;
    for status in [301, 302, 303, 307, 308] {
        let location = format!("location: {}/stolen?x=secretplace\r\n", target.url);
        let error = after(Step::Send(answer(status, &location, ""))).await;
        let GraphErrorKind::Redirect { status: found, host } = error.kind() else {
            panic!("{error:?}")
        };
        assert_eq!((found.as_u16(), host.as_deref()), (status, Some("127.0.0.1")));
        assert!(!format!("{error} {error:?}").contains("secretplace"));
    }
    assert!(target.requests().is_empty());
}

#[tokio::test]
async fn an_answer_that_an_injected_client_fetched_from_elsewhere_is_refused() {
    let target = Server::play(vec![Step::Send(answer(200, "", r#"{"success":true}"#))]).await;
    let location = format!("location: {}/elsewhere\r\n", target.url);
    let server = Server::play(vec![Step::Send(answer(307, &location, ""))]).await;
    let client = builder(&server.url)
        .http_client(wa_graph::HttpClient::new())
        .build()
        .unwrap();
    assert!(matches!(
        failure(&client).await.kind(),
        GraphErrorKind::Redirect { .. }
    ));
}

#[tokio::test]
async fn an_injected_client_is_used_with_our_headers() {
    let server = Server::play(vec![Step::Send(answer(200, "", "{}"))]).await;
    let http = wa_graph::HttpClient::builder()
        .default_headers([(http::header::VIA, "x".parse().unwrap())].into_iter().collect());
    let client = builder(&server.url)
        .http_client(http.build().unwrap())
        .user_agent("agent/2")
        .build()
        .unwrap();
    client.execute::<Value>(GraphRequest::get(PATH)).await.unwrap();
    let request = server.requests().remove(0).to_lowercase();
    for line in [
        "via: x",
        "user-agent: agent/2",
        &format!("authorization: bearer {}", TOKEN.to_lowercase()),
    ] {
        assert!(request.contains(line), "{request}");
    }
}

#[tokio::test]
async fn another_token_shares_the_settings() {
    let server = Server::play(vec![Step::Send(answer(200, "", "{}"))]).await;
    let client = once(&server.url).with_access_token(AccessToken::new("EAAother").unwrap());
    client
        .execute::<Value>(GraphRequest::get("1/x").query("a b", "c&d=e"))
        .await
        .unwrap();
    let request = server.requests().remove(0);
    assert!(
        request.starts_with("GET /v25.0/1/x?a+b=c%26d%3De HTTP/1.1\r\n"),
        "{request}"
    );
    assert!(
        request.contains("authorization: Bearer EAAother\r\n"),
        "{request}"
    );
}
