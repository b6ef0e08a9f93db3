//! A hundred thousand numbers, each with a key of its own, take at most 1 KB of memory each.

use wa_emulator::{Emulator, NumberSelection};

use crate::client::random_key;

const NUMBERS: usize = 100_000;
const ACCOUNTS: usize = 100;

fn resident_kb() -> Option<usize> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

#[tokio::test]
async fn a_hundred_thousand_numbers_take_a_kilobyte_each() {
    let Some(before) = resident_kb() else {
        println!("skipped: this system has no /proc/self/status");
        return;
    };
    let emulator = Emulator::builder()
        .generated(ACCOUNTS, NUMBERS)
        .start()
        .await
        .unwrap();
    let ids = emulator.number_ids();
    assert_eq!(ids.len(), NUMBERS + 1);
    for (seed, id) in ids.iter().enumerate() {
        emulator
            .set_number_key(id, Some(&random_key(seed as u64)))
            .unwrap();
    }
    drop(ids);
    let with_keys = resident_kb().unwrap().saturating_sub(before);
    emulator.reregister(NumberSelection::all()).unwrap();
    println!("{NUMBERS} numbers: {with_keys} KB");
    assert!(with_keys <= NUMBERS, "{with_keys} KB for {NUMBERS} numbers");
    emulator.shutdown().await;
}

#[tokio::test]
async fn generated_numbers_are_spread_evenly() {
    let emulator = Emulator::builder().generated(3, 10).start().await.unwrap();
    let summary = emulator.summary();
    let mut counts: Vec<u64> = summary["accounts"]
        .as_object()
        .unwrap()
        .values()
        .map(|account| account["numbers"].as_u64().unwrap())
        .collect();
    counts.sort_unstable();
    assert_eq!(counts, [1, 3, 3, 4]);
    emulator.reset();
    assert_eq!(emulator.summary(), summary);
}
