//! Misbehaving connections.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};

use crate::support::{Backend, Files, Phone, config_text, eventually, metric, ping, start};

#[tokio::test]
async fn a_peer_that_does_not_read_its_answers_is_left_after_a_while() {
    let files = Files::new();
    let long = format!(
        r#"{{"screen":"A","data":{{"text":"{}"}}}}"#,
        "x".repeat(1_500_000)
    );
    let backend = Backend::answering(move |_| {
        let long = long.clone();
        async move { (200, long) }
    })
    .await;
    let more = "[limits]\nwrite_timeout = \"300ms\"\nheader_timeout = \"60m\"";
    let gateway = start(&files, &config_text(&backend.url(), more)).await;
    let phone = Phone::new(&gateway);

    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let mut silent = socket.connect(gateway.local_addr()).await.unwrap();
    // More than the buffers between two sockets can hold.
    for _ in 0..12 {
        silent.write_all(&phone.raw()).await.unwrap();
    }
    eventually("the connection is taken", || async {
        metric(&gateway, "wa_gateway_connections", &[]) == 1
    })
    .await;
    eventually("the connection is closed", || async {
        metric(&gateway, "wa_gateway_connections", &[]) == 0
    })
    .await;
    assert!(
        metric(&gateway, "wa_gateway_exchanges_total", &[("status", "200")]) < 12,
        "a client that reads nothing gets no further responses"
    );
}

#[tokio::test]
async fn half_a_request_does_not_hold_up_the_end() {
    let files = Files::new();
    let backend = Backend::saying(200, "{}").await;
    let more = "[limits]\nheader_timeout = \"60m\"";
    let gateway = start(&files, &config_text(&backend.url(), more)).await;
    let mut half = TcpStream::connect(gateway.local_addr()).await.unwrap();
    half.write_all(b"POST /flow HTTP/1.1\r\nhost: x\r\n")
        .await
        .unwrap();
    // Behind it, an exchange that ends shows that the half is read by then.
    assert_eq!(Phone::new(&gateway).send(&ping()).await.status, 200);
    let ended = tokio::time::timeout(Duration::from_mins(1), gateway.shutdown(Duration::from_hours(1)));
    assert_eq!(ended.await.expect("it waits for half a request"), 0);
    assert_eq!(half.read(&mut [0]).await.unwrap(), 0);
}

#[tokio::test]
async fn a_head_that_is_too_long_gives_431_and_ends_the_connection() {
    let (files, backend) = (Files::new(), Backend::saying(200, "{}").await);
    let gateway = start(&files, &config_text(&backend.url(), "")).await;
    let mut client = TcpStream::connect(gateway.local_addr()).await.unwrap();
    let head = format!(
        "POST /flow HTTP/1.1\r\nhost: x\r\nx-long: {}",
        "x".repeat(16 * 1024)
    );
    client.write_all(head.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    client.read_to_end(&mut answer).await.unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 431 "), "{}", answer.escape_ascii());
}

#[tokio::test]
async fn a_path_where_nothing_is_gives_404_and_is_counted() {
    let (files, backend) = (Files::new(), Backend::saying(200, "{}").await);
    let gateway = start(&files, &config_text(&backend.url(), "")).await;
    let elsewhere = format!("http://{}/flow/", gateway.local_addr());
    let reply = Phone::new(&gateway).at(elsewhere).send(&ping()).await;
    assert_eq!(reply.status, 404);
    assert!(reply.body.is_empty());
    assert_eq!(metric(&gateway, "wa_gateway_not_found_total", &[]), 1);
    assert_eq!(metric(&gateway, "wa_gateway_exchanges_total", &[]), 0);
}

/// A client that takes long to read, and a gateway whose answer to it is longer than what the system holds.
#[tokio::test]
async fn an_answer_that_is_still_being_written_is_let_end() {
    let files = Files::new();
    let long = format!(
        r#"{{"screen":"A","data":{{"text":"{}"}}}}"#,
        "x".repeat(12_000_000)
    );
    let backend = Backend::answering(move |_| {
        let long = long.clone();
        async move { (200, long) }
    })
    .await;
    let gateway = start(
        &files,
        &config_text(&backend.url(), "[limits]\nupstream_body = \"20 MiB\""),
    )
    .await;
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(64 * 1024).unwrap();
    let mut slow = socket.connect(gateway.local_addr()).await.unwrap();
    slow.write_all(&Phone::new(&gateway).raw()).await.unwrap();
    eventually("the answer has begun", || async {
        metric(&gateway, "wa_gateway_exchanges_total", &[("status", "200")]) == 1
    })
    .await;
    let ending = tokio::spawn(gateway.shutdown(Duration::from_mins(5)));
    // Longer than a connection without anything in flight is kept.
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert!(!ending.is_finished());
    let mut answer = Vec::new();
    slow.read_to_end(&mut answer).await.unwrap();
    assert!(answer.len() > 16_000_000, "{} bytes came", answer.len());
    assert_eq!(ending.await.unwrap(), 0);
}

#[tokio::test]
async fn idle_connections_are_no_exchanges_that_were_cut() {
    let (files, backend) = (Files::new(), Backend::saying(200, "{}").await);
    let gateway = start(&files, &config_text(&backend.url(), "")).await;
    let phone = Phone::new(&gateway);
    assert_eq!(phone.send(&ping()).await.status, 200);
    let _silent = TcpStream::connect(gateway.local_addr()).await.unwrap();
    eventually("both connections are open", || async {
        metric(&gateway, "wa_gateway_connections", &[]) == 2
    })
    .await;
    assert_eq!(gateway.shutdown(Duration::ZERO).await, 0);
}

#[tokio::test]
async fn unauthenticated_connections_are_closed_for_new_ones() {
    let (files, backend) = (Files::new(), Backend::saying(200, "{}").await);
    let text = config_text(&backend.url(), "[limits]\nconnections = 2");
    let gateway = start(&files, &text).await;
    let mut silent = TcpStream::connect(gateway.local_addr()).await.unwrap();
    let mut half = TcpStream::connect(gateway.local_addr()).await.unwrap();
    half.write_all(b"POST /flow HTTP/1.1\r\n").await.unwrap();
    // Each keeps its connection for as long as it lives.
    let (first, second) = (Phone::new(&gateway), Phone::new(&gateway));
    assert_eq!(first.send(&ping()).await.status, 200);
    assert_eq!(silent.read(&mut [0]).await.unwrap(), 0);
    assert_eq!(second.send(&ping()).await.status, 200);
    assert!(!matches!(half.read(&mut [0]).await, Ok(1..)));
    assert_eq!(metric(&gateway, "wa_gateway_evicted_connections_total", &[]), 2);
}
