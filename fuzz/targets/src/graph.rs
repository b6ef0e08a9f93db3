//! Fuzzes responses of the Graph API: status, headers and body, as raw bytes.

use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::OnceCell;
use wa_graph::{AccessToken, GraphClient, GraphError, GraphRequest, RetryPolicy, WabaId};

use crate::local::block_on;

thread_local! {
    static GRAPH: &'static OnceCell<(TcpListener, GraphClient)> = Box::leak(Box::default());
}

/// Returns the input as the HTTP response to a single call and to a paged listing.
pub(crate) fn response(data: &[u8]) {
    let graph = GRAPH.with(|graph| *graph);
    block_on(async {
        let (listener, client) = graph.get_or_init(start).await;
        tokio::select! {
            () = calls(client) => {}
            () = serve(listener, data) => {}
        }
    });
}

async fn start() -> (TcpListener, GraphClient) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("an address");
    let address = listener.local_addr().expect("an address");
    let client = GraphClient::builder(AccessToken::new("EAAtoken").expect("a token"))
        .base_url(format!("http://{address}"))
        .danger_allow_plain_http()
        .request_timeout(Duration::from_secs(2))
        .retry(RetryPolicy::none())
        .build()
        .expect("a client");
    (listener, client)
}

async fn calls(client: &GraphClient) {
    let called = client.execute::<Value>(GraphRequest::get("/v25.0/1")).await;
    drop(called.map_err(|error| explain(&error)));
    let account: WabaId = "1".parse().expect("an id");
    // A page may name itself as the next page, so the number of pages is limited.
    let mut numbers = client.phone_numbers(&account);
    for _ in 0..3 {
        match numbers.next().await {
            Some(number) => drop(number.map_err(|error| explain(&error))),
            None => break,
        }
    }
}

fn explain(error: &GraphError) {
    drop((error.to_string(), format!("{error:?}"), error.remedy()));
    drop(error.usage().clone());
}

/// Responds to every connection with the input.
async fn serve(listener: &TcpListener, data: &[u8]) {
    loop {
        let Ok((mut stream, _)) = listener.accept().await else {
            return;
        };
        let mut head = [0; 4096];
        let _ = stream.read(&mut head).await;
        let _ = stream.write_all(data).await;
        let _ = stream.shutdown().await;
    }
}
