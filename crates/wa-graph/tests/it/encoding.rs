//! Responses that a proxy compressed or marked on their way.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::Value;
use wa_graph::{ErrorCode, GraphError, GraphErrorKind, GraphRequest, GraphResponse, TransportErrorKind};

use crate::support::{PATH, Server, Step, once};

const JSON: &str = "content-type: application/json\r\n";

fn gzip(body: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}

fn response(status: u16, headers: &str, body: &[u8]) -> Step {
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status} X\r\nconnection: close\r\ncontent-length: {length}\r\n{JSON}{headers}\r\n"
    );
    Step::SendBytes([head.as_bytes(), body].concat())
}

fn gzipped(status: u16, body: &[u8]) -> Step {
    response(status, "content-encoding: gzip\r\n", &gzip(body))
}

async fn get(step: Step) -> Result<GraphResponse<Value>, GraphError> {
    let server = Server::play(vec![step]).await;
    once(&server.url).execute(GraphRequest::get(PATH)).await
}

fn transport(error: &GraphError) -> TransportErrorKind {
    match error.kind() {
        GraphErrorKind::Transport(transport) => transport.kind(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn gzip_is_read_in_successes_and_in_errors() {
    assert_eq!(get(gzipped(200, br#"{"a":1}"#)).await.unwrap().body["a"], 1);
    let error = get(gzipped(400, br#"{"error":{"code":190,"message":"m"}}"#))
        .await
        .unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::new(190)));
}

#[tokio::test]
async fn the_limit_of_a_body_counts_what_comes_out_of_gzip() {
    let bomb = gzip(&vec![b' '; 16 << 20]);
    assert!(bomb.len() < 1 << 20, "small on the way: {}", bomb.len());
    let error = get(response(200, "content-encoding: gzip\r\n", &bomb))
        .await
        .unwrap_err();
    assert_eq!(transport(&error), TransportErrorKind::TooLarge);
}

#[tokio::test]
async fn broken_gzip_is_named_as_such() {
    let mut cut = gzip(br#"{"a":1}"#);
    cut.truncate(cut.len() - 9);
    for (body, kind) in [
        (b"{\"a\":1}".to_vec(), TransportErrorKind::Encoding),
        (cut, TransportErrorKind::Interrupted),
    ] {
        let error = get(response(200, "content-encoding: gzip\r\n", &body))
            .await
            .unwrap_err();
        assert_eq!(transport(&error), kind, "{error:?}");
        assert!(error.remedy().is_some());
    }
}

#[tokio::test]
async fn a_byte_order_mark_before_the_json_is_ignored() {
    let marked = |body: &str| format!("\u{feff}{body}").into_bytes();
    let found = get(response(200, "", &marked(r#"{"a":1}"#))).await.unwrap();
    assert_eq!(found.body["a"], 1);
    let error = get(response(
        400,
        "",
        &marked(r#"{"error":{"code":10,"message":"m"}}"#),
    ))
    .await
    .unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::new(10)));
}
