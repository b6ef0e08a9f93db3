//! No input stops the emulator.

use std::sync::LazyLock;

use proptest::prelude::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use wa_emulator::Emulator;

use crate::client::{bearer, get, key_path, send, started};

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().unwrap());
static EMULATOR: LazyLock<Emulator> = LazyLock::new(|| RUNTIME.block_on(started()));

fn still_serves() -> bool {
    RUNTIME.block_on(get(&EMULATOR, &key_path())).status == 200
}

fn content_types() -> impl Strategy<Value = &'static str> {
    prop_oneof![
        Just("application/x-www-form-urlencoded"),
        Just("multipart/form-data; boundary=B"),
        Just("application/json"),
        Just("multipart/form-data"),
    ]
}

fn bodies() -> impl Strategy<Value = Vec<u8>> {
    let pem = "-----BEGIN PUBLIC KEY-----[A-Za-z0-9+/=\n\r -]{0,400}-----END PUBLIC KEY-----";
    let part = "--B\r\n(Content-Disposition: form-data; name=\"[a-z_\"]{0,20}\"\r\n){0,2}(\r\n)?[ \
         -~]{0,40}\r\n--B(--)?";
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..600),
        "[ -~]{0,200}".prop_map(String::into_bytes),
        pem.prop_map(|pem| format!("business_public_key={pem}").into_bytes()),
        pem.prop_map(|pem| serde_json::json!({"business_public_key": pem})
            .to_string()
            .into_bytes()),
        part.prop_map(String::into_bytes),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn any_body_on_the_key_endpoint_gets_a_graph_error(content_type in content_types(), body in bodies()) {
        let headers = [("Authorization", bearer()), ("Content-Type", content_type.to_owned())];
        let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let response =
            RUNTIME.block_on(send(EMULATOR.local_addr(), "POST", &key_path(), &headers, &body)).unwrap();
        prop_assert_eq!(response.status, 400);
        prop_assert_eq!(&response.json()["error"]["code"], 100);
        prop_assert!(still_serves());
    }

    #[test]
    fn any_bytes_on_the_socket_leave_it_serving(
        bytes in prop::collection::vec(any::<u8>(), 0..300),
        post in any::<bool>(),
    ) {
        RUNTIME.block_on(async {
            let mut stream = TcpStream::connect(EMULATOR.local_addr()).await.unwrap();
            if post {
                let head = format!("POST {} HTTP/1.1\r\nContent-Length: 9\r\n", key_path());
                stream.write_all(head.as_bytes()).await.unwrap();
            }
            // The emulator may close the connection before everything is sent.
            let _ = stream.write_all(&bytes).await;
            let _ = stream.shutdown().await;
            let _ = stream.read_to_end(&mut Vec::new()).await;
        });
        prop_assert!(still_serves());
    }

    #[test]
    fn any_path_and_query_gets_json(path in "/[!-~]{0,60}") {
        let path = path.replace('#', "");
        let headers = [("Authorization", bearer())];
        let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let response = RUNTIME.block_on(send(EMULATOR.local_addr(), "GET", &path, &headers, b""));
        if let Ok(response) = response && !response.body.is_empty() {
            prop_assert!(response.json().is_object());
        }
        prop_assert!(still_serves());
    }
}

#[tokio::test]
async fn a_body_over_the_limit_is_413() {
    let emulator = started().await;
    let body = vec![b'a'; 64 * 1024 + 1];
    let headers = [("Authorization", &*bearer())];
    let response = send(emulator.local_addr(), "POST", &key_path(), &headers, &body)
        .await
        .unwrap();
    assert_eq!(
        (response.status, &response.json()["error"]["code"]),
        (413, &serde_json::json!(100))
    );
    assert_eq!(get(&emulator, &key_path()).await.status, 200);
}
