//! Paged lists and their cursors.

use std::collections::HashSet;

use serde_json::{Value, json};
use wa_emulator::{
    AccountSpec, BusinessSpec, DEFAULT_ACCOUNT_ID, DEFAULT_BUSINESS_ID, DEFAULT_PHONE_NUMBER_ID, Emulator,
    NumberState, WireShape,
};

use crate::client::{get, started};

fn ids(page: &Value) -> Vec<String> {
    page["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["id"].as_str().unwrap().to_owned())
        .collect()
}

/// Returns all pages by following the `next` links.
async fn walk(emulator: &Emulator, first: &str) -> Vec<Value> {
    let mut pages = Vec::new();
    let mut target = Some(first.to_owned());
    while let Some(at) = target {
        let response = get(emulator, &at).await;
        assert_eq!(response.status, 200, "{at}: {}", response.text());
        let page = response.json();
        target = page["paging"]["next"].as_str().map(|next| {
            next.strip_prefix(emulator.base_url())
                .expect("next is on this host")
                .to_owned()
        });
        pages.push(page);
    }
    pages
}

#[tokio::test]
async fn three_thousand_numbers_are_each_listed_once_in_full_pages() {
    let emulator = started().await;
    let mut expected = vec![DEFAULT_PHONE_NUMBER_ID.to_owned()];
    expected.extend(emulator.add_numbers(DEFAULT_ACCOUNT_ID, 2999).unwrap());
    for (query, size) in [
        ("?limit=100", 100),
        ("", 25),
        ("?limit=7&fields=id", 7),
        ("?limit=1000", 0),
    ] {
        let target = format!("/v25.0/{DEFAULT_ACCOUNT_ID}/phone_numbers{query}");
        if size == 0 {
            assert_eq!(get(&emulator, &target).await.json()["error"]["code"], 100);
            continue;
        }
        let pages = walk(&emulator, &target).await;
        assert_eq!(pages.len(), 3000_usize.div_ceil(size));
        let listed: Vec<String> = pages.iter().flat_map(ids).collect();
        assert_eq!(listed, expected, "{query}");
        assert!(
            pages.last().unwrap()["paging"]["cursors"]["after"].is_string(),
            "the last page has a cursor"
        );
    }
}

#[tokio::test]
async fn following_the_cursor_equals_following_next() {
    let emulator = started().await;
    emulator.add_numbers(DEFAULT_ACCOUNT_ID, 9).unwrap();
    let base = format!("/v25.0/{DEFAULT_ACCOUNT_ID}/phone_numbers?limit=5");
    let first = get(&emulator, &base).await.json();
    let after = first["paging"]["cursors"]["after"].as_str().unwrap();
    let second = get(&emulator, &format!("{base}&after={after}")).await.json();
    assert!(second["paging"].get("next").is_none());
    let all: HashSet<String> = ids(&first).into_iter().chain(ids(&second)).collect();
    assert_eq!(all.len(), 10);
    let before = second["paging"]["cursors"]["before"].as_str().unwrap();
    assert_eq!(
        ids(&get(&emulator, &format!("{base}&before={before}")).await.json()),
        ids(&first)
    );
    let previous = second["paging"]["previous"].as_str().unwrap();
    let previous = previous.strip_prefix(emulator.base_url()).unwrap();
    assert_eq!(ids(&get(&emulator, previous).await.json()), ids(&first));
    let past_the_end = second["paging"]["cursors"]["after"].as_str().unwrap();
    assert_eq!(
        get(&emulator, &format!("{base}&after={past_the_end}"))
            .await
            .json(),
        json!({"data": []})
    );
}

#[tokio::test]
async fn a_number_removed_between_two_pages_hides_no_other() {
    let emulator = started().await;
    let added = emulator.add_numbers(DEFAULT_ACCOUNT_ID, 9).unwrap();
    let base = format!("/v25.0/{DEFAULT_ACCOUNT_ID}/phone_numbers?limit=5");
    let first = get(&emulator, &base).await.json();
    // The number that the cursor points to.
    emulator.remove_number(&added[3]).unwrap();
    let after = first["paging"]["cursors"]["after"].as_str().unwrap();
    let second = get(&emulator, &format!("{base}&after={after}")).await.json();
    assert_eq!(ids(&second), added[4..]);
}

#[tokio::test]
async fn a_deleted_number_is_not_listed() {
    let emulator = started().await;
    emulator
        .set_number_state(DEFAULT_PHONE_NUMBER_ID, NumberState::Deleted)
        .unwrap();
    let page = get(&emulator, &format!("/v25.0/{DEFAULT_ACCOUNT_ID}/phone_numbers")).await;
    assert_eq!(page.json(), json!({"data": []}));
}

#[tokio::test]
async fn fields_select_the_members_of_a_number() {
    let emulator = started().await;
    let base = format!("/v25.0/{DEFAULT_ACCOUNT_ID}/phone_numbers");
    let entry = &get(&emulator, &base).await.json()["data"][0];
    assert_eq!(entry["display_phone_number"], "+1 555-025-3483");
    assert_eq!(entry["status"], "CONNECTED");
    let few = get(&emulator, &format!("{base}?fields=id,verified_name"))
        .await
        .json();
    assert_eq!(
        few["data"][0],
        json!({"id": DEFAULT_PHONE_NUMBER_ID, "verified_name": "Emulated Business"})
    );
    assert_eq!(
        get(&emulator, &format!("{base}?fields=id,secrets")).await.json()["error"]["code"],
        100
    );
    let known = get(&emulator, &format!("{base}?fields=health_status,certificate"))
        .await
        .json();
    assert_eq!(known["data"][0]["health_status"]["can_send_message"], "AVAILABLE");
    let certificate = known["data"][0].get("certificate");
    assert_eq!(
        certificate, None,
        "a field that is known but has no value is left out"
    );
    let node = get(
        &emulator,
        &format!("/v25.0/{DEFAULT_PHONE_NUMBER_ID}?fields=status"),
    )
    .await
    .json();
    assert_eq!(
        node,
        json!({"id": DEFAULT_PHONE_NUMBER_ID, "status": "CONNECTED"})
    );
}

#[tokio::test]
async fn an_invalid_cursor_or_limit_is_100() {
    let emulator = started().await;
    for query in [
        "limit=0",
        "limit=101",
        "limit=-1",
        "limit=x",
        "after=!!",
        "after=AAAA",
        "before=%00",
        "sort=id",
    ] {
        let response = get(
            &emulator,
            &format!("/v25.0/{DEFAULT_ACCOUNT_ID}/phone_numbers?{query}"),
        )
        .await;
        assert_eq!(
            (response.status, &response.json()["error"]["code"]),
            (400, &json!(100)),
            "{query}"
        );
    }
}

#[tokio::test]
async fn a_business_lists_owned_and_client_accounts() {
    let emulator = started().await;
    let partner = emulator
        .add_business(&BusinessSpec::new().name("Partner"))
        .unwrap();
    for _ in 0..30 {
        emulator
            .add_account(
                &AccountSpec::new()
                    .owned_by(DEFAULT_BUSINESS_ID)
                    .shared_with(&partner),
            )
            .unwrap();
    }
    let owned = walk(
        &emulator,
        &format!("/v25.0/{DEFAULT_BUSINESS_ID}/owned_whatsapp_business_accounts"),
    )
    .await;
    assert_eq!(
        owned.iter().map(|page| ids(page).len()).collect::<Vec<_>>(),
        [25, 6]
    );
    let shared = walk(
        &emulator,
        &format!("/v25.0/{partner}/client_whatsapp_business_accounts?limit=30"),
    )
    .await;
    assert_eq!(
        shared.iter().map(|page| ids(page).len()).collect::<Vec<_>>(),
        [30]
    );
    let none = get(
        &emulator,
        &format!("/v25.0/{partner}/owned_whatsapp_business_accounts"),
    )
    .await;
    assert_eq!(none.json(), json!({"data": []}));
    let members: HashSet<_> = owned[0]["data"][0].as_object().unwrap().keys().cloned().collect();
    let expected = [
        "id",
        "name",
        "currency",
        "timezone_id",
        "message_template_namespace",
    ];
    assert_eq!(members, expected.map(str::to_owned).into());
}

#[tokio::test]
async fn account_ids_can_be_json_numbers() {
    let emulator = Emulator::builder()
        .wire_shape(WireShape::new().numeric_account_ids(true))
        .start()
        .await
        .unwrap();
    let page = get(
        &emulator,
        &format!("/v25.0/{DEFAULT_BUSINESS_ID}/owned_whatsapp_business_accounts"),
    )
    .await
    .json();
    assert_eq!(page["data"][0]["id"], json!(102_290_129_340_398_u64));
}

#[tokio::test]
async fn accounts_that_the_token_may_not_access_are_omitted() {
    let emulator = started().await;
    let second = emulator.add_account(&AccountSpec::new()).unwrap();
    emulator
        .restrict_token("default", Some(vec![second.clone()]))
        .unwrap();
    let page = get(
        &emulator,
        &format!("/v25.0/{DEFAULT_BUSINESS_ID}/owned_whatsapp_business_accounts"),
    )
    .await;
    assert_eq!(ids(&page.json()), [second]);
    let foreign = get(&emulator, &format!("/v25.0/{DEFAULT_ACCOUNT_ID}/phone_numbers")).await;
    assert_eq!(
        (foreign.status, &foreign.json()["error"]["code"]),
        (403, &json!(200))
    );
}

#[tokio::test]
async fn lists_require_the_management_permissions() {
    let emulator = started().await;
    let numbers = format!("/v25.0/{DEFAULT_ACCOUNT_ID}/phone_numbers");
    let accounts = format!("/v25.0/{DEFAULT_BUSINESS_ID}/owned_whatsapp_business_accounts");
    emulator
        .drop_permission("default", "business_management")
        .unwrap();
    assert_eq!(get(&emulator, &numbers).await.status, 200);
    assert_eq!(get(&emulator, &accounts).await.json()["error"]["code"], 10);
    emulator
        .drop_permission("default", "whatsapp_business_management")
        .unwrap();
    assert_eq!(get(&emulator, &numbers).await.json()["error"]["code"], 10);
}
