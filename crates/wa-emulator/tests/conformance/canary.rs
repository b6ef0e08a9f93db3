//! A report, and the log of how it came to be, show no secret.

use std::fmt::Write as _;
use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use serde_json::json;
use wa_emulator::ConformanceCheck;

use crate::endpoint::{Fault, PAIR, serve};
use crate::faults::check;

const CANARY: &str = "CANARYcanaryCANARY";

/// Collects what the tracing subscriber writes.
#[derive(Clone, Default)]
struct Capture(Arc<Mutex<Vec<u8>>>);

impl Write for Capture {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn the_canary_is_nowhere() {
    let capture = Capture::default();
    let writer = capture.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(move || writer.clone())
        .finish();
    // For the whole program: the other tests beside this one log into it too, and know no canary.
    tracing::subscriber::set_global_default(subscriber).unwrap();
    let mut shown = String::new();
    for fault in [Fault::None, Fault::PlainReply, Fault::InitHasNoScreen] {
        let url = serve(fault).await;
        let data = json!({CANARY: CANARY});
        // The endpoint gives the data back: it is in what the check reads.
        let check = check(&url).flow_token(CANARY).data_exchange("FIRST", data);
        write!(shown, "{check:?}").unwrap();
        let check = check.build().unwrap();
        let report = check
            .run(|progress| write!(shown, "{progress:?}").unwrap())
            .await
            .unwrap();
        write!(
            shown,
            "{check:?}{report:?}{}",
            serde_json::to_string(&report).unwrap()
        )
        .unwrap();
    }
    let url = serve(Fault::None).await;
    let other = ConformanceCheck::builder(&*url)
        .public_key_pem(&*PAIR.pem)
        .app_secret(CANARY);
    write!(shown, "{other:?}").unwrap();
    let report = other.build().unwrap().run(|_| ()).await.unwrap();
    write!(shown, "{report:?}").unwrap();
    for bad in [
        CANARY.to_owned(),
        format!("-----BEGIN PUBLIC KEY-----\n{CANARY}\n-----END PUBLIC KEY-----"),
    ] {
        let refused = check(&url).public_key_pem(bad).build().unwrap_err();
        write!(shown, "{refused}{refused:?}").unwrap();
    }
    assert!(!shown.contains("CANARY"), "{shown}");
    let log = String::from_utf8(capture.0.lock().unwrap().clone()).unwrap();
    assert!(log.contains("exchange.ping"), "the capture captures: {log}");
    assert!(!log.contains("CANARY"), "{log}");
}
