//! Listings over several pages.

use std::pin::pin;

use futures_core::Stream;
use wa_graph::{GraphErrorKind, PhoneNumber};

use crate::support::{Server, Step, builder, error, json};

fn page(ids: &[&str], after: Option<&str>, next: bool) -> Step {
    let rows: Vec<String> = ids
        .iter()
        .map(|id| format!(r#"{{"id":{id},"verified_name":"N"}}"#))
        .collect();
    let cursors = after.map(|after| format!(r#""cursors":{{"after":"{after}"}}"#));
    let next = next.then(|| r#""next":"https://elsewhere.example/steal?after=X""#.to_owned());
    let paging: Vec<String> = cursors.into_iter().chain(next).collect();
    json(
        200,
        &format!(
            r#"{{"data":[{}],"paging":{{{}}}}}"#,
            rows.join(","),
            paging.join(",")
        ),
    )
}

async fn list(steps: Vec<Step>) -> (Vec<Result<String, wa_graph::GraphError>>, Vec<String>) {
    let server = Server::play(steps).await;
    let client = builder(&server.url).build().unwrap();
    let mut pages = client.phone_numbers(&"1022".parse().unwrap());
    let mut rows = Vec::new();
    while let Some(row) = pages.next().await {
        rows.push(row.map(|number| number.id.to_string()));
    }
    assert!(pages.next().await.is_none(), "an ended stream stays ended");
    (rows, server.requests())
}

#[tokio::test]
async fn pages_follow_each_other_by_cursor_and_never_by_address() {
    let (rows, requests) = list(vec![
        page(&["\"1\"", "2"], Some("A&B"), true),
        page(&[], Some("C"), true),
        page(&["3"], Some("D"), false),
    ])
    .await;
    assert_eq!(
        rows.into_iter().map(Result::unwrap).collect::<Vec<_>>(),
        ["1", "2", "3"]
    );
    assert_eq!(requests.len(), 3);
    assert!(requests[0].starts_with("GET /v25.0/1022/phone_numbers?fields=id%2Cdisplay_phone_number"));
    assert!(!requests[0].contains("after="));
    assert!(
        requests[1].contains("&limit=100&after=A%26B HTTP/1.1"),
        "{}",
        requests[1]
    );
    assert!(requests[2].contains("&after=C HTTP/1.1"));
}

#[tokio::test]
async fn a_cursor_that_comes_again_ends_the_listing_with_an_error() {
    let (rows, requests) = list(vec![
        page(&["1"], Some("A"), true),
        page(&["2"], Some("B"), true),
        page(&["3"], Some("A"), true),
    ])
    .await;
    assert_eq!((rows.len(), requests.len()), (3, 3));
    let error = rows.into_iter().next_back().unwrap().unwrap_err();
    assert!(matches!(error.kind(), GraphErrorKind::PagingLoop), "{error}");
}

#[tokio::test]
async fn rows_come_before_the_error_of_a_later_page() {
    let (rows, _) = list(vec![page(&["1"], Some("A"), true), error(403, 200)]).await;
    assert_eq!(rows[0].as_ref().unwrap(), "1");
    assert!(rows[1].as_ref().unwrap_err().is_permission());
    assert_eq!(rows.len(), 2);
}

#[tokio::test]
async fn rows_without_an_id_are_an_error() {
    let (rows, _) = list(vec![json(200, r#"{"data":[{"verified_name":"secret name"}]}"#)]).await;
    let error = rows[0].as_ref().unwrap_err();
    assert!(error.to_string().contains("missing field `id`"), "{error}");
}

#[tokio::test]
async fn accounts_are_listed_from_both_edges() {
    let server = Server::play(vec![
        json(200, r#"{"data":[{"id":1022,"name":"Own","timezone_id":"1"}]}"#),
        json(200, r#"{"data":[{"id":"1023"}]}"#),
    ])
    .await;
    let client = builder(&server.url).build().unwrap();
    let business = "5069".parse().unwrap();
    let owned = client.owned_accounts(&business).all().await.unwrap();
    let shared = client.client_accounts(&business).all().await.unwrap();
    assert_eq!(
        (owned[0].id.as_str(), owned[0].name.as_deref()),
        ("1022", Some("Own"))
    );
    assert_eq!(shared[0].id.as_str(), "1023");
    assert!(server.requests()[0].starts_with("GET /v25.0/5069/owned_whatsapp_business_accounts?"));
    assert!(server.requests()[1].starts_with("GET /v25.0/5069/client_whatsapp_business_accounts?"));
}

#[tokio::test]
async fn a_listing_is_a_stream_and_fetches_nothing_before_it_is_polled() {
    let server = Server::play(vec![page(&["1"], None, false)]).await;
    let client = builder(&server.url).build().unwrap();
    let mut pages = pin!(client.phone_numbers(&"1022".parse().unwrap()));
    assert!(server.requests().is_empty());
    let row: Option<Result<PhoneNumber, _>> =
        std::future::poll_fn(|context| pages.as_mut().poll_next(context)).await;
    assert_eq!(row.unwrap().unwrap().verified_name.as_deref(), Some("N"));
}
