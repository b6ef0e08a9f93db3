//! Keys that reach readers late, uploads that take effect late, and the log of what was registered when.

use std::time::Duration;

use wa_emulator::{
    Command, DEFAULT_ACCOUNT_ID, DEFAULT_PHONE_NUMBER_ID, Emulator, Fault, FaultRule, KeyChange,
    NumberSelection, SignatureStatus,
};

use crate::client::{PUBLIC_KEY, bearer, get, key_path, random_key, send, set_key, started};

async fn shown(emulator: &Emulator) -> (String, String) {
    let body = get(emulator, &key_path()).await.json();
    let text = |name: &str| body["data"][0][name].as_str().unwrap().to_owned();
    (
        text("business_public_key"),
        text("business_public_key_signature_status"),
    )
}

#[tokio::test]
async fn a_new_key_is_shown_after_the_propagation_delay() {
    let emulator = started().await;
    set_key(&emulator, PUBLIC_KEY).await;
    emulator.set_propagation_delay(Duration::from_millis(300));
    let new = random_key(1);
    assert_eq!(set_key(&emulator, &new).await.status, 200);
    let registered = emulator.number(DEFAULT_PHONE_NUMBER_ID).unwrap();
    assert_eq!(
        registered.business_public_key.as_deref(),
        Some(&*new),
        "it is registered at once"
    );
    assert_eq!(
        shown(&emulator).await,
        (PUBLIC_KEY.to_owned(), "VALID".to_owned())
    );
    tokio::time::sleep(Duration::from_millis(350)).await;
    assert_eq!(shown(&emulator).await, (new, "VALID".to_owned()));
}

#[tokio::test]
async fn a_stale_read_shows_the_state_before_the_last_change() {
    let emulator = started().await;
    set_key(&emulator, PUBLIC_KEY).await;
    emulator.queue_fault(FaultRule::new(Fault::StaleRead).method("GET").times(2));
    for _ in 0..2 {
        let stale = (" ".to_owned(), "MISMATCH".to_owned());
        assert_eq!(shown(&emulator).await, stale, "there was no key before");
    }
    assert_eq!(shown(&emulator).await.0, PUBLIC_KEY);
}

#[tokio::test]
async fn an_upload_that_timed_out_takes_effect_later() {
    let emulator = started().await;
    emulator.queue_fault(FaultRule::new(Fault::late(Duration::from_millis(200))).method("POST"));
    let upload = tokio::time::timeout(Duration::from_millis(50), set_key(&emulator, PUBLIC_KEY)).await;
    assert!(upload.is_err(), "the client gives up");
    let uploads = || emulator.number(DEFAULT_PHONE_NUMBER_ID).unwrap().uploads;
    assert_eq!(uploads(), 0);
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(uploads(), 1);
    assert_eq!(shown(&emulator).await.0, PUBLIC_KEY);
    assert_eq!(emulator.requests()[0].status, None, "the call got no response");
}

#[tokio::test]
async fn many_numbers_are_re_registered_at_once() {
    let emulator = started().await;
    let ids = emulator.add_numbers(DEFAULT_ACCOUNT_ID, 20).unwrap();
    let account = emulator.add_account(&wa_emulator::AccountSpec::new()).unwrap();
    let others = emulator.add_numbers(&account, 5).unwrap();
    for id in ids.iter().chain(&others) {
        emulator.set_number_key(id, Some(PUBLIC_KEY)).unwrap();
    }
    let mismatches = || {
        let all = ids.iter().chain(&others);
        all.filter(|id| emulator.number(id).unwrap().signature_status == SignatureStatus::Mismatch)
            .count()
    };
    emulator.reregister(NumberSelection::numbers(&ids[..3])).unwrap();
    assert_eq!(mismatches(), 3);
    emulator.reregister(NumberSelection::account(&account)).unwrap();
    assert_eq!(mismatches(), 8);
    emulator.reregister(NumberSelection::all()).unwrap();
    assert_eq!(mismatches(), 25);
    assert!(emulator.reregister(NumberSelection::numbers(["1"])).is_err());
}

#[tokio::test]
async fn the_key_log_says_which_key_was_registered_when() {
    let emulator = started().await;
    emulator.set_clock_offset(-9 * 24 * 3600);
    set_key(&emulator, PUBLIC_KEY).await;
    emulator.reregister_number(DEFAULT_PHONE_NUMBER_ID).unwrap();
    let other = random_key(2);
    emulator
        .set_number_key(DEFAULT_PHONE_NUMBER_ID, Some(&other))
        .unwrap();
    emulator.set_number_key(DEFAULT_PHONE_NUMBER_ID, None).unwrap();
    let log = emulator.key_log();
    let changes: Vec<KeyChange> = log.iter().map(|event| event.change).collect();
    assert_eq!(
        changes,
        [
            KeyChange::Uploaded,
            KeyChange::Reregistered,
            KeyChange::Set,
            KeyChange::Removed
        ]
    );
    assert_eq!(log[0].fingerprint, log[1].fingerprint);
    assert_ne!(log[0].fingerprint, log[2].fingerprint);
    assert_eq!(log[3].fingerprint, None);
    assert!(log.iter().all(|event| event.number == DEFAULT_PHONE_NUMBER_ID));
    let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_millis();
    let age_days = (now - u128::from(log[0].at_unix_ms)) / 86_400_000;
    assert_eq!(age_days, 9, "by Graph's clock");

    let page = send(emulator.local_addr(), "GET", "/_emulator/keys?after=2", &[], b"")
        .await
        .unwrap()
        .json();
    assert_eq!(page["total"], 4);
    assert_eq!(page["events"].as_array().unwrap().len(), 2);
    assert_eq!(page["events"][0]["sequence"], 3);
    assert_eq!(page["events"][0]["change"], "set");
    emulator.apply(Command::ClearKeyLog).unwrap();
    assert!(emulator.key_log().is_empty());
}

#[tokio::test]
async fn the_clock_of_graph_is_in_every_response_and_decides_the_expiry_of_tokens() {
    let emulator = started().await;
    let year = 365 * 24 * 3600;
    emulator.set_clock_offset(year);
    let expected = httpdate::fmt_http_date(std::time::SystemTime::now() + Duration::from_hours(365 * 24));
    let date = get(&emulator, &key_path())
        .await
        .header("date")
        .unwrap()
        .to_owned();
    assert_eq!(
        date[..date.len() - 6],
        expected[..expected.len() - 6],
        "same minute"
    );
    emulator.queue_fault(FaultRule::new(Fault::BadGateway));
    let date = get(&emulator, &key_path())
        .await
        .header("date")
        .unwrap()
        .to_owned();
    assert_eq!(date[..date.len() - 6], expected[..expected.len() - 6]);

    let soon = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs() + 3600;
    let token = wa_emulator::TokenSpec::new("short", "EAAshort").expires_at(soon);
    emulator.set_clock_offset(0);
    emulator.add_token(&token).unwrap();
    let status = async || {
        let headers = [("Authorization", "Bearer EAAshort")];
        send(emulator.local_addr(), "GET", &key_path(), &headers, b"")
            .await
            .unwrap()
            .status
    };
    assert_eq!(status().await, 200);
    emulator.set_clock_offset(7200);
    assert_eq!(status().await, 401);
    assert!(bearer().starts_with("Bearer "));
}
