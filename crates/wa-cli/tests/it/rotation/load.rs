//! Phones that use the endpoint while the key changes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::task::JoinHandle;
use wa_emulator::{DEFAULT_ACCESS_TOKEN, DEFAULT_PHONE_NUMBER_ID};
use wa_phone::{ClientKind, FlowMessage, Outcome, WhatsAppClient};

use crate::support::APP_SECRET;

/// What the phones saw.
#[derive(Debug, Default)]
pub(super) struct Counts {
    /// Exchanges of phones that keep the key from before the rotation.
    pub(super) old_key: u32,
    /// Exchanges of phones that fetch the registered key before each exchange.
    pub(super) new_key: u32,
    /// Exchanges that failed, or succeeded at the second attempt.
    pub(super) failures: Vec<String>,
    /// The longest exchange.
    pub(super) longest: Duration,
}

pub(super) struct Load {
    stopping: Arc<AtomicBool>,
    phones: Vec<JoinHandle<Counts>>,
}

impl Load {
    /// Starts phones that pause after each exchange; every second one keeps the key that it fetches now.
    pub(super) async fn start(endpoint: &str, graph: &str, phones: u32, pause: Duration) -> Self {
        let stopping = Arc::new(AtomicBool::new(false));
        let mut running = Vec::new();
        for number in 0..phones {
            let keeps_key = number % 2 == 0;
            let phone = phone(endpoint, graph);
            phone.open().await.unwrap();
            running.push(tokio::spawn(use_endpoint(
                phone,
                keeps_key,
                pause,
                Arc::clone(&stopping),
            )));
        }
        Self {
            stopping,
            phones: running,
        }
    }

    pub(super) async fn stop(self) -> Counts {
        self.stopping.store(true, Ordering::Relaxed);
        let mut all = Counts::default();
        for phone in self.phones {
            let counts = phone.await.unwrap();
            all.old_key += counts.old_key;
            all.new_key += counts.new_key;
            all.failures.extend(counts.failures);
            all.longest = all.longest.max(counts.longest);
        }
        all
    }
}

/// Measures how many exchanges a second the endpoint answers.
pub(super) async fn capacity(endpoint: &str, graph: &str) -> f64 {
    let (load, started) = (
        Load::start(endpoint, graph, 32, Duration::ZERO).await,
        Instant::now(),
    );
    tokio::time::sleep(Duration::from_secs(3)).await;
    let took = started.elapsed();
    let counts = load.stop().await;
    f64::from(counts.old_key + counts.new_key) / took.as_secs_f64()
}

/// A session on WhatsApp Web: it never fetches the key again unless the Flow is opened again.
fn phone(endpoint: &str, graph: &str) -> WhatsAppClient {
    WhatsAppClient::builder(endpoint)
        .key_from(graph, DEFAULT_PHONE_NUMBER_ID, DEFAULT_ACCESS_TOKEN)
        .app_secret(APP_SECRET)
        .kind(ClientKind::Web)
        .build()
        .unwrap()
}

async fn use_endpoint(
    phone: WhatsAppClient,
    keeps_key: bool,
    pause: Duration,
    stopping: Arc<AtomicBool>,
) -> Counts {
    let mut counts = Counts::default();
    let mut number = 0_usize;
    while !stopping.load(Ordering::Relaxed) {
        if !keeps_key && number.is_multiple_of(8) {
            phone.open().await.unwrap();
        }
        number += 1;
        let data = serde_json::json!({ "number": number });
        let started = Instant::now();
        let exchange = phone
            .send(&FlowMessage::data_exchange("token", "FORM", data))
            .await
            .unwrap();
        counts.longest = counts.longest.max(started.elapsed());
        match exchange.outcome {
            Outcome::Response(_) if exchange.attempts == 1 => {}
            outcome => counts
                .failures
                .push(format!("{outcome:?}, {} attempts", exchange.attempts)),
        }
        *(if keeps_key {
            &mut counts.old_key
        } else {
            &mut counts.new_key
        }) += 1;
        tokio::time::sleep(pause).await;
    }
    counts
}
