//! The limits of the memory, with a paused clock.

use std::num::NonZeroUsize;

use bytes::Bytes;
use http::StatusCode;

use super::*;
use crate::endpoint::ExchangeId;
use crate::endpoint::response::ResponseParts;

fn memory(entries: usize, response_bytes: usize) -> Arc<Memory> {
    let entries = NonZeroUsize::new(entries).unwrap();
    let window = ReplayWindow::new(Duration::from_mins(1), entries);
    Arc::new(Memory::new(window.response_bytes(response_bytes)))
}

fn admit(memory: &Arc<Memory>, number: u8) -> Admission {
    Memory::admit(memory, ReplayMark([number; 16]), [number; 32])
}

fn first(admission: Admission) -> Ticket {
    let Admission::First(ticket) = admission else {
        panic!("not admitted as the first");
    };
    ticket
}

fn answer(mut ticket: Ticket, length: usize) {
    ticket.spend();
    ticket.finish(outcome(Ok(ResponseParts {
        status: StatusCode::OK,
        content_type: "text/plain",
        text: Bytes::from(vec![b'x'; length]),
    })));
}

fn outcome(response: Result<ResponseParts, Refusal>) -> Outcome {
    Outcome {
        id: ExchangeId::random(),
        action: None,
        response,
    }
}

#[tokio::test(start_paused = true)]
async fn a_repeat_is_answered_for_30_seconds_and_refused_until_the_window_ends() {
    let memory = memory(10, 10_000);
    answer(first(admit(&memory, 1)), 7);
    tokio::time::advance(Duration::from_millis(29_999)).await;
    let Admission::Repeat(outcome) = admit(&memory, 1) else {
        panic!("not repeated");
    };
    assert_eq!(outcome.response.as_ref().unwrap().text.len(), 7);
    tokio::time::advance(Duration::from_millis(1)).await;
    assert!(matches!(admit(&memory, 1), Admission::Refused));
    answer(first(admit(&memory, 2)), 7);
    assert_eq!(
        memory.responses.lock().unwrap().order.len(),
        1,
        "the expired one is dropped"
    );
    tokio::time::advance(Duration::from_secs(29)).await;
    assert!(matches!(admit(&memory, 1), Admission::Refused));
    tokio::time::advance(Duration::from_secs(1)).await;
    drop(first(admit(&memory, 1)));
}

#[tokio::test]
async fn another_body_under_the_same_key_and_iv_is_refused() {
    let memory = memory(10, 10_000);
    let other = || Memory::admit(&memory, ReplayMark([1; 16]), [9; 32]);
    let ticket = first(admit(&memory, 1));
    assert!(matches!(other(), Admission::Refused));
    answer(ticket, 7);
    assert!(matches!(other(), Admission::Refused));
}

#[tokio::test]
async fn a_request_that_did_not_reach_the_handler_is_not_remembered() {
    let memory = memory(10, 10_000);
    let ticket = first(admit(&memory, 1));
    let Admission::Wait(waiting) = admit(&memory, 1) else {
        panic!("does not wait");
    };
    drop(ticket);
    assert!(waiting.await.is_err(), "the channel closes");
    let ticket = first(admit(&memory, 1));
    let Admission::Wait(waiting) = admit(&memory, 1) else {
        panic!("does not wait");
    };
    ticket.finish(outcome(Err(Refusal::Overloaded)));
    assert_eq!(
        waiting.await.unwrap().response.as_ref().unwrap_err(),
        &Refusal::Overloaded
    );
    let mut ticket = first(admit(&memory, 1));
    ticket.spend();
    drop(ticket);
    assert!(
        matches!(admit(&memory, 1), Admission::Refused),
        "it may have acted"
    );
}

#[tokio::test]
async fn the_number_of_waiting_repeats_is_limited() {
    let memory = memory(10, 10_000);
    let ticket = first(admit(&memory, 1));
    let waiting: Vec<_> = (0..WAITING_FOR_ONE).map(|_| admit(&memory, 1)).collect();
    assert!(
        waiting
            .iter()
            .all(|admission| matches!(admission, Admission::Wait(_)))
    );
    assert!(matches!(admit(&memory, 1), Admission::Refused));
    drop(ticket);
}

#[tokio::test]
async fn marks_are_limited_and_the_oldest_is_forgotten_first() {
    let memory = memory(3, 0);
    for number in 1..=4 {
        answer(first(admit(&memory, number)), 7);
    }
    for number in [2, 3, 4, 2] {
        assert!(matches!(admit(&memory, number), Admission::Refused), "{number}");
    }
    drop(first(admit(&memory, 1)));
    let shard = memory.shards.first().unwrap().lock().unwrap();
    assert_eq!(
        (shard.spent.len(), shard.order.len(), shard.live.len()),
        (3, 3, 0)
    );
}

#[tokio::test]
async fn responses_are_limited_in_bytes_and_the_oldest_is_dropped_first() {
    let memory = memory(100, 3 * (OVERHEAD + 1000));
    for number in 1..=4 {
        answer(first(admit(&memory, number)), 1000);
    }
    answer(first(admit(&memory, 5)), 10_000);
    let repeated = [1, 2, 3, 4, 5].map(|number| matches!(admit(&memory, number), Admission::Repeat(_)));
    assert_eq!(repeated, [false, true, true, true, false]);
    assert!(memory.responses.lock().unwrap().bytes <= memory.window.response_bytes);
    let shard = memory.shards.first().unwrap().lock().unwrap();
    assert_eq!(shard.live.len(), 3);
}

#[test]
fn the_default_memory_has_64_shards() {
    let memory = Memory::new(ReplayWindow::default());
    assert_eq!(memory.shards.len(), 64);
    assert!(memory.entries_per_shard * memory.shards.len() >= 1_000_000);
}
