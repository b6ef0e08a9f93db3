//! Rate limits and their usage headers.

use std::time::Duration;

use serde_json::{Value, json};
use wa_emulator::{DEFAULT_ACCOUNT_ID, RateLimits};

use crate::client::{Response, get, key_path, started};

fn header(response: &Response, name: &str) -> Value {
    serde_json::from_str(response.header(name).unwrap()).unwrap()
}

#[tokio::test]
async fn the_usage_of_an_app_rises_until_the_limit_is_exceeded() {
    let emulator = started().await;
    emulator.set_rate_limits(RateLimits::new().app(4).retry_after(5));
    let mut seen = Vec::new();
    for _ in 0..5 {
        let response = get(&emulator, &key_path()).await;
        seen.push((
            response.status,
            header(&response, "x-app-usage")["call_count"].as_u64().unwrap(),
        ));
        assert_eq!(
            response.header("retry-after"),
            (response.status == 429).then_some("5")
        );
    }
    assert_eq!(seen, [(200, 25), (200, 50), (200, 75), (200, 100), (429, 100)]);
}

#[tokio::test]
async fn the_limit_of_an_account_counts_only_its_edges() {
    let emulator = started().await;
    emulator.set_rate_limits(RateLimits::new().account(1));
    let edge = format!("/v25.0/{DEFAULT_ACCOUNT_ID}/phone_numbers");
    assert_eq!(get(&emulator, &edge).await.status, 200);
    let response = get(&emulator, &edge).await;
    assert_eq!(
        (response.status, &response.json()["error"]["code"]),
        (400, &json!(80007))
    );
    let usage = &header(&response, "x-business-use-case-usage")[DEFAULT_ACCOUNT_ID][0];
    assert_eq!(
        (&usage["call_count"], &usage["estimated_time_to_regain_access"]),
        (&json!(100), &json!(60))
    );
    assert!(response.header("x-app-usage").is_some());
    assert_eq!(get(&emulator, &key_path()).await.status, 200);
}

#[tokio::test]
async fn a_new_window_and_new_limits_reset_the_count() {
    let emulator = started().await;
    emulator.set_rate_limits(RateLimits::new().app(1).window(Duration::ZERO));
    for _ in 0..3 {
        assert_eq!(
            get(&emulator, &key_path()).await.status,
            200,
            "each call has a window of its own"
        );
    }
    emulator.set_rate_limits(RateLimits::new().app(0));
    assert_eq!(get(&emulator, &key_path()).await.status, 429);
    emulator.set_rate_limits(RateLimits::new());
    assert_eq!(get(&emulator, &key_path()).await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn calls_that_ignore_the_time_to_wait_are_counted() {
    let emulator = started().await;
    emulator.set_rate_limits(RateLimits::new().account(2).count_keys(true));
    for _ in 0..4 {
        get(&emulator, &key_path()).await;
    }
    let counts = |emulator: &wa_emulator::Emulator| emulator.limit_report().accounts[DEFAULT_ACCOUNT_ID];
    let now = counts(&emulator);
    assert_eq!(
        (now.calls, now.refused, now.too_early),
        (4, 2, 0),
        "the second was in flight"
    );
    tokio::time::advance(Duration::from_secs(30)).await;
    assert_eq!(get(&emulator, &key_path()).await.json()["error"]["code"], 80007);
    let now = counts(&emulator);
    assert_eq!((now.calls, now.refused, now.too_early), (5, 3, 1));
    tokio::time::advance(Duration::from_hours(1)).await;
    assert_eq!(get(&emulator, &key_path()).await.status, 200);
    assert_eq!(counts(&emulator).too_early, 0, "a new window");
}
