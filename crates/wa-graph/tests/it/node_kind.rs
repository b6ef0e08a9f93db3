//! What an id belongs to.

use wa_graph::{GraphClient, NodeKind, PhoneNumberId};

use crate::support::{Server, Step, error, json, once};

async fn kind(steps: Vec<Step>) -> (Result<Option<NodeKind>, wa_graph::GraphError>, Vec<String>) {
    let server = Server::play(steps).await;
    let client: GraphClient = once(&server.url);
    let id: PhoneNumberId = "1065".parse().unwrap();
    let kind = client.node_kind(&id).await;
    (kind, server.requests())
}

#[tokio::test]
async fn a_phone_number_is_found_with_one_read() {
    let (kind, requests) = kind(vec![json(200, r#"{"id":"1065","display_phone_number":"+1"}"#)]).await;
    assert_eq!(kind.unwrap(), Some(NodeKind::PhoneNumber));
    assert!(
        requests[0].starts_with("GET /v25.0/1065?fields=id%2Cdisplay_phone_number "),
        "{requests:?}"
    );
}

#[tokio::test]
async fn an_account_is_found_with_its_numbers() {
    let numbers = r#"{"data":[{"id":"7"},{"id":"8"}]}"#;
    let steps = vec![
        error(400, 100),
        json(200, r#"{"timezone_id":"1","id":"1065"}"#),
        json(200, numbers),
    ];
    let phone_numbers = ["7", "8"].map(|id| id.parse().unwrap()).to_vec();
    assert_eq!(
        kind(steps).await.0.unwrap(),
        Some(NodeKind::Account { phone_numbers })
    );

    let steps = vec![
        error(400, 100),
        json(200, r#"{"timezone_id":"1"}"#),
        error(403, 10),
    ];
    let phone_numbers = Vec::new();
    assert_eq!(
        kind(steps).await.0.unwrap(),
        Some(NodeKind::Account { phone_numbers })
    );
}

#[tokio::test]
async fn a_flow_and_an_unknown_object_are_told_apart() {
    let steps = vec![
        error(400, 100),
        error(400, 100),
        json(200, r#"{"json_version":"7.3"}"#),
    ];
    assert_eq!(kind(steps).await.0.unwrap(), Some(NodeKind::Flow));
    let steps = (0..3).map(|_| error(400, 100)).collect();
    assert_eq!(kind(steps).await.0.unwrap(), None);
    let (nothing, requests) = kind(vec![error(404, 803)]).await;
    assert_eq!((nothing.unwrap(), requests.len()), (None, 1));
}

#[tokio::test]
async fn an_error_that_says_nothing_of_the_id_is_returned() {
    let (kind, requests) = kind(vec![error(401, 190)]).await;
    assert!(kind.unwrap_err().is_token());
    assert_eq!(requests.len(), 1);
}
