//! Start, shutdown, and invalid initial objects.

use tokio::net::TcpStream;
use wa_emulator::{ControlError, Emulator, Fault, FaultRule, NumberSpec, StartError};

use crate::client::{get, key_path, started};

#[tokio::test]
async fn two_emulators_have_different_ports() {
    let (one, two) = (started().await, started().await);
    assert_ne!(one.local_addr(), two.local_addr());
    assert_eq!(one.base_url(), format!("http://{}", one.local_addr()));
}

#[tokio::test]
async fn nothing_listens_after_shutdown_or_drop() {
    let emulator = started().await;
    let address = emulator.local_addr();
    get(&emulator, &key_path()).await;
    emulator.shutdown().await;
    assert!(TcpStream::connect(address).await.is_err());
    let emulator = started().await;
    let address = emulator.local_addr();
    drop(emulator);
    tokio::task::yield_now().await;
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn shutdown_waits_for_an_in_flight_call() {
    let emulator = started().await;
    emulator.queue_fault(FaultRule::new(Fault::delay(std::time::Duration::from_millis(
        200,
    ))));
    let address = emulator.local_addr();
    let call = tokio::spawn(async move {
        let headers = [("Authorization", &*crate::client::bearer())];
        crate::client::send(address, "GET", &key_path(), &headers, b"").await
    });
    while emulator.requests().is_empty() {
        tokio::task::yield_now().await;
    }
    emulator.shutdown().await;
    assert_eq!(call.await.unwrap().unwrap().status, 200);
}

#[tokio::test]
async fn an_address_in_use_and_contradicting_objects_are_errors() {
    let emulator = started().await;
    let again = Emulator::builder().address(emulator.local_addr()).start().await;
    assert!(matches!(again, Err(StartError::Listen { address, .. }) if address == emulator.local_addr()));
    let seed = Emulator::builder()
        .number(NumberSpec::new().account("1"))
        .start()
        .await;
    let Err(StartError::Seed { source }) = seed else {
        panic!("started")
    };
    assert_eq!(
        source,
        ControlError::NotFound {
            kind: "account",
            id: "1".to_owned()
        }
    );
}

#[tokio::test]
async fn an_empty_emulator_has_no_objects() {
    let emulator = Emulator::builder().empty().start().await.unwrap();
    assert_eq!(get(&emulator, &key_path()).await.json()["error"]["code"], 190);
}
