//! Rate limits and the headers that tell of them.

use std::time::Duration;

use serde_json::{Value, json};
use wa_emulator::{DEFAULT_ACCOUNT_ID, RateLimits};

use crate::client::{Answer, get, key_path, started};

fn header(answer: &Answer, name: &str) -> Value {
    serde_json::from_str(answer.header(name).unwrap()).unwrap()
}

#[tokio::test]
async fn the_apps_usage_rises_to_its_limit_and_over() {
    let emulator = started().await;
    emulator.set_rate_limits(RateLimits::new().app(4).retry_after(5));
    let mut seen = Vec::new();
    for _ in 0..5 {
        let answer = get(&emulator, &key_path()).await;
        seen.push((
            answer.status,
            header(&answer, "x-app-usage")["call_count"].as_u64().unwrap(),
        ));
        assert_eq!(
            answer.header("retry-after"),
            (answer.status == 429).then_some("5")
        );
    }
    assert_eq!(seen, [(200, 25), (200, 50), (200, 75), (200, 100), (429, 100)]);
}

#[tokio::test]
async fn the_accounts_limit_counts_its_edges_only() {
    let emulator = started().await;
    emulator.set_rate_limits(RateLimits::new().account(1));
    let edge = format!("/v25.0/{DEFAULT_ACCOUNT_ID}/phone_numbers");
    assert_eq!(get(&emulator, &edge).await.status, 200);
    let answer = get(&emulator, &edge).await;
    assert_eq!(
        (answer.status, &answer.json()["error"]["code"]),
        (400, &json!(80007))
    );
    let usage = &header(&answer, "x-business-use-case-usage")[DEFAULT_ACCOUNT_ID][0];
    assert_eq!(
        (&usage["call_count"], &usage["estimated_time_to_regain_access"]),
        (&json!(100), &json!(60))
    );
    assert!(answer.header("x-app-usage").is_some());
    assert_eq!(get(&emulator, &key_path()).await.status, 200);
}

#[tokio::test]
async fn a_new_window_and_new_limits_begin_at_nothing() {
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
