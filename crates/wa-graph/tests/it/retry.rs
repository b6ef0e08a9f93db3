//! Which failures are tried again, after what pauses, and when it ends.

use std::sync::{Arc, Mutex};
use std::time::{Duration, UNIX_EPOCH};

use serde_json::Value;
use wa_graph::{
    GraphError, GraphErrorKind, GraphRequest, GraphResponse, Jitter, LimitRetry, LimitScope, RetryPolicy,
};

use crate::support::{PATH, Server, Step, TestClock, answer, builder, error, json, ok};

struct Outcome {
    result: Result<GraphResponse<Value>, GraphError>,
    sleeps: Vec<Duration>,
    requests: usize,
}

async fn run(request: GraphRequest, policy: RetryPolicy, steps: Vec<Step>) -> Outcome {
    let server = Server::play(steps).await;
    let clock = TestClock::default();
    let client = builder(&server.url)
        .clock(clock.clone())
        .retry(policy.jitter(Jitter::seeded(1)))
        .build()
        .unwrap();
    let result = client.execute(request).await;
    Outcome {
        result,
        sleeps: clock.sleeps(),
        requests: server.requests().len(),
    }
}

async fn get(steps: Vec<Step>) -> Outcome {
    run(GraphRequest::get(PATH), RetryPolicy::default(), steps).await
}

fn limited(headers: &str) -> Step {
    Step::Send(answer(
        429,
        &format!("content-type: application/json\r\n{headers}"),
        r#"{"error":{"code":4,"is_transient":true}}"#,
    ))
}

#[tokio::test]
async fn passing_trouble_is_overcome_with_growing_jittered_pauses() {
    let html = || Step::Send(answer(502, "content-type: text/html\r\n", "<html>"));
    let outcome = get(vec![error(500, 2), html(), Step::Reset, ok()]).await;
    assert_eq!(outcome.result.unwrap().meta.attempts, 4);
    assert_eq!(outcome.sleeps.len(), 3);
    for (sleep, bound) in outcome.sleeps.iter().zip([250, 500, 1000]) {
        assert!(*sleep < Duration::from_millis(bound), "{sleep:?}");
    }
}

#[tokio::test]
async fn the_last_error_tells_attempts_and_time() {
    let outcome = get((0..4).map(|_| error(500, 131_000)).collect()).await;
    let failed = outcome.result.unwrap_err();
    assert_eq!((failed.attempts(), outcome.requests), (4, 4));
    assert_eq!(failed.elapsed(), outcome.sleeps.iter().sum::<Duration>());
    assert!(failed.to_string().contains("after 4 attempts in "), "{failed}");
    assert!(failed.is_transient());
}

#[tokio::test]
async fn what_stays_wrong_is_not_tried_again() {
    let transient = r#"{"error":{"code":190,"is_transient":false}}"#;
    for step in [
        error(400, 100),
        error(403, 10),
        error(404, 803),
        error(500, 3),
        error(500, 131_045),
        error(400, 987_654),
        json(401, transient),
        json(200, "[1"),
        json(404, "{}"),
        Step::Send(answer(302, "location: http://127.0.0.1:9/x\r\n", "")),
    ] {
        let outcome = get(vec![step, ok()]).await;
        let failed = outcome.result.unwrap_err();
        assert_eq!((failed.attempts(), outcome.requests), (1, 1), "{failed}");
        assert!(!failed.is_transient(), "{failed}");
        assert!(!failed.to_string().contains("attempts"), "{failed}");
    }
}

#[tokio::test]
async fn unknown_codes_are_tried_again_where_graph_or_the_status_says_so() {
    let transient = r#"{"error":{"code":987654,"is_transient":true}}"#;
    for step in [json(400, transient), error(500, 987_654), json(503, "{}")] {
        assert_eq!(get(vec![step, ok()]).await.result.unwrap().meta.attempts, 2);
    }
}

#[tokio::test]
async fn a_post_is_repeated_only_where_that_does_no_harm() {
    let post = || GraphRequest::post(PATH).form("a", "b");
    for step in [|| Step::Reset, || error(500, 2), || json(503, "{}")] {
        let once = run(post(), RetryPolicy::default(), vec![step(), ok()]).await;
        assert_eq!((once.requests, once.result.is_err()), (1, true));
        let again = run(post().repeatable(), RetryPolicy::default(), vec![step(), ok()]).await;
        assert_eq!((again.requests, again.result.is_ok()), (2, true));
    }
    // Refused before anything was done.
    let limited = run(post(), RetryPolicy::default(), vec![error(429, 4), ok()]).await;
    assert_eq!((limited.requests, limited.result.is_ok()), (2, true));
}

#[tokio::test]
async fn the_servers_delay_is_waited_exactly() {
    let date = "date: Sun, 06 Nov 1994 08:49:37 GMT\r\nretry-after: Sun, 06 Nov 1994 08:49:44 GMT\r\n";
    for (headers, seconds) in [("retry-after: 7\r\n", 7), (date, 7)] {
        let outcome = get(vec![limited(headers), ok()]).await;
        assert!(outcome.result.is_ok());
        assert_eq!(outcome.sleeps, [Duration::from_secs(seconds)]);
    }
    let unavailable = Step::Send(answer(503, "retry-after: 9\r\n", ""));
    assert_eq!(
        get(vec![unavailable, ok()]).await.sleeps,
        [Duration::from_secs(9)]
    );
}

#[tokio::test]
async fn a_limit_without_a_delay_is_not_run_into_at_once() {
    let outcome = get(vec![limited(""), limited("retry-after: 0\r\n"), ok()]).await;
    assert!(outcome.result.is_ok());
    assert!(
        (5..=10).contains(&outcome.sleeps[0].as_secs()),
        "{:?}",
        outcome.sleeps
    );
    assert!(
        (10..=20).contains(&outcome.sleeps[1].as_secs()),
        "{:?}",
        outcome.sleeps
    );
}

#[tokio::test]
async fn a_delay_beyond_the_policy_ends_with_the_time_to_come_back() {
    let usage = r#"x-business-use-case-usage: {"1022":[{"type":"t","call_count":100,"estimated_time_to_regain_access":19}]}"#;
    let minutes = Duration::from_mins(19);
    let outcome = get(vec![limited(&format!("{usage}\r\n")), ok()]).await;
    let failed = outcome.result.unwrap_err();
    assert_eq!((outcome.requests, outcome.sleeps.len()), (1, 0));
    assert!(failed.is_rate_limited() && matches!(failed.kind(), GraphErrorKind::RateLimited(Some(_))));
    assert_eq!(failed.retry_in(), Some(minutes));
    assert_eq!(failed.retry_at(), Some(UNIX_EPOCH + TestClock::START + minutes));
    assert_eq!(failed.usage().highest(), Some(100));
    assert!(failed.to_string().contains("call again in 19 min"), "{failed}");

    let patient = RetryPolicy::default().max_elapsed(Duration::from_hours(1));
    let outcome = run(
        GraphRequest::get(PATH),
        patient,
        vec![limited(&format!("{usage}\r\n")), ok()],
    )
    .await;
    assert_eq!((outcome.result.is_ok(), outcome.sleeps), (true, vec![minutes]));
}

#[tokio::test]
async fn the_longer_of_two_delays_counts() {
    let both =
        "retry-after: 60\r\nx-business-use-case-usage: {\"1\":[{\"estimated_time_to_regain_access\":2}]}\r\n";
    let failed = get(vec![limited(both)]).await.result.unwrap_err();
    assert_eq!(failed.retry_in(), Some(Duration::from_mins(2)));
}

#[tokio::test]
async fn a_429_without_a_graph_error_is_a_limit_too() {
    let failed = get(vec![Step::Send(answer(
        429,
        "retry-after: 3600\r\n",
        "slow down",
    ))])
    .await
    .result
    .unwrap_err();
    assert!(failed.is_rate_limited() && failed.code().is_none());
    assert_eq!(failed.retry_in(), Some(Duration::from_hours(1)));
}

#[tokio::test]
async fn attempts_end_with_the_time_that_all_of_them_may_take() {
    let policy = RetryPolicy::default()
        .max_attempts(100)
        .max_elapsed(Duration::from_secs(40));
    let steps = (0..100)
        .map(|_| Step::Send(answer(503, "retry-after: 15\r\n", "")))
        .collect();
    let outcome = run(GraphRequest::get(PATH), policy, steps).await;
    assert_eq!(outcome.requests, 3);
    assert_eq!(outcome.result.unwrap_err().elapsed(), Duration::from_secs(30));
}

#[tokio::test]
async fn usage_of_a_success_is_handed_over() {
    let headers = "x-app-usage: {\"call_count\":28,\"total_time\":25}\r\nx-fb-trace-id: Atrace\r\n";
    let meta = get(vec![Step::Send(answer(200, headers, "{}"))])
        .await
        .result
        .unwrap()
        .meta;
    assert_eq!(meta.usage.app.unwrap().call_count, Some(28));
    assert_eq!(meta.fbtrace_id.as_deref(), Some("Atrace"));
}

#[tokio::test]
async fn a_limit_without_a_requested_delay_is_not_retried_when_the_policy_says_so() {
    let policy = || RetryPolicy::default().limit_retry(LimitRetry::WhenRequested);
    let get = || GraphRequest::get(PATH);
    let unasked = run(get(), policy(), vec![limited("")]).await;
    assert!(unasked.result.unwrap_err().is_rate_limited());
    assert_eq!((unasked.requests, unasked.sleeps.len()), (1, 0));

    let requested = run(get(), policy(), vec![limited("retry-after: 7\r\n"), ok()]).await;
    assert!(requested.result.is_ok());
    assert_eq!(requested.sleeps, [Duration::from_secs(7)]);
    // Other temporary failures are retried as ever.
    assert!(
        run(get(), policy(), vec![error(500, 2), ok()])
            .await
            .result
            .is_ok()
    );
}

#[tokio::test]
async fn every_pause_is_reported_before_it_begins() {
    let server = Server::play(vec![limited("retry-after: 7\r\n"), error(500, 2), ok()]).await;
    let clock = TestClock::default();
    let notices = Arc::new(Mutex::new(Vec::new()));
    let (seen, slept) = (Arc::clone(&notices), clock.clone());
    let client = builder(&server.url)
        .clock(clock.clone())
        .on_retry(move |notice| {
            let path = notice.path.to_owned();
            let code = notice.cause.api().map(|api| api.code().number());
            let before = slept.sleeps().len();
            seen.lock().unwrap().push((
                path,
                notice.attempt,
                notice.pause,
                notice.is_requested,
                code,
                before,
            ));
        })
        .build()
        .unwrap();
    assert!(client.execute::<Value>(GraphRequest::get(PATH)).await.is_ok());
    let notices = notices.lock().unwrap();
    let [first, second] = &notices[..] else {
        panic!("{notices:?}")
    };
    assert_eq!(
        (first.1, first.2, first.3, first.4, first.5),
        (1, Duration::from_secs(7), true, Some(4), 0)
    );
    assert_eq!((second.1, second.3, second.4, second.5), (2, false, Some(2), 1));
    assert_eq!(first.0, format!("/v25.0/{PATH}"));
}

#[tokio::test]
async fn an_error_says_whether_every_other_call_would_fail_too() {
    let proof =
        r#"{"error":{"code":100,"message":"API calls from the server require an appsecret_proof argument"}}"#;
    let too_many = || Step::Send(answer(429, "", ""));
    for (step, every, scope) in [
        (error(400, 4), true, Some(LimitScope::Caller)),
        (error(400, 17), true, Some(LimitScope::Caller)),
        (error(400, 32), true, Some(LimitScope::Caller)),
        (error(400, 613), true, Some(LimitScope::Caller)),
        (too_many(), true, Some(LimitScope::Caller)),
        (error(400, 80_007), false, Some(LimitScope::Account)),
        (error(400, 80_008), false, Some(LimitScope::Account)),
        (error(400, 130_429), false, Some(LimitScope::Number)),
        (error(401, 0), true, None),
        (error(401, 102), true, None),
        (error(401, 190), true, None),
        (json(400, proof), true, None),
        (error(400, 100), false, None),
        (error(403, 10), false, None),
        (error(404, 803), false, None),
        (error(500, 2), false, None),
    ] {
        let failed = run(GraphRequest::get(PATH), RetryPolicy::none(), vec![step]).await;
        let failed = failed.result.unwrap_err();
        assert_eq!(
            (failed.affects_every_call(), failed.limit_scope()),
            (every, scope),
            "{failed}"
        );
    }
}
