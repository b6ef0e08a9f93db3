//! Fuzzes uploads to the emulator: forms, multipart and JSON.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::OnceCell;
use wa_emulator::{DEFAULT_ACCESS_TOKEN, DEFAULT_PHONE_NUMBER_ID, Emulator};

use crate::local::block_on;

thread_local! {
    static EMULATOR: &'static OnceCell<Emulator> = Box::leak(Box::default());
}

/// Uploads the input, which is the content type, a line end, and the body.
pub(crate) fn upload(data: &[u8]) {
    let at = data.iter().position(|byte| *byte == b'\n').unwrap_or(data.len());
    let (content_type, body) = data.split_at(at);
    let body = body.get(1..).unwrap_or_default();
    let emulator = EMULATOR.with(|emulator| *emulator);
    block_on(async {
        let emulator = emulator
            .get_or_init(async || Emulator::builder().start().await.expect("an emulator"))
            .await;
        emulator.clear_requests();
        let head = format!(
            "POST /v25.0/{DEFAULT_PHONE_NUMBER_ID}/whatsapp_business_encryption HTTP/1.1\r\nhost: a\r\n\
             authorization: Bearer {DEFAULT_ACCESS_TOKEN}\r\nconnection: close\r\n\
             content-length: {}\r\ncontent-type: ",
            body.len()
        );
        let request = [head.as_bytes(), content_type, b"\r\n\r\n", body].concat();
        let mut stream = TcpStream::connect(emulator.local_addr())
            .await
            .expect("a connection");
        // The emulator may refuse the request and close the connection before everything is sent.
        let _ = stream.write_all(&request).await;
        let mut response = Vec::new();
        let read = stream.read_to_end(&mut response).await;
        assert!(
            read.is_err() || response.starts_with(b"HTTP/1.1 "),
            "the emulator closed the connection without a response"
        );
    });
}
