//! A minimal HTTP client over a TCP socket, which sends and reads exact bytes.

use std::net::SocketAddr;

use aws_lc_rs::digest::{SHA256, digest};
use data_encoding::BASE64;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use wa_emulator::{DEFAULT_ACCESS_TOKEN, DEFAULT_PHONE_NUMBER_ID, Emulator};

pub(crate) const PUBLIC_KEY: &str = include_str!("../data/pywa_public_key_spki.pem");

/// Returns a public key that Graph accepts: random numbers of the right form, the same for the same seed.
pub(crate) fn random_key(seed: u64) -> String {
    // The modulus of a known key at its offset in the DER, replaced but for its first and last byte.
    const MODULUS: std::ops::Range<usize> = 33..289;
    let base64: String = PUBLIC_KEY.lines().filter(|line| !line.starts_with('-')).collect();
    let mut der = BASE64.decode(base64.as_bytes()).unwrap();
    for (index, chunk) in der[MODULUS.start + 1..MODULUS.end - 1].chunks_mut(32).enumerate() {
        let hash = digest(&SHA256, format!("{seed}-{index}").as_bytes());
        let length = chunk.len();
        chunk.copy_from_slice(&hash.as_ref()[..length]);
    }
    let base64 = BASE64.encode(&der);
    let lines: Vec<&str> = base64
        .as_bytes()
        .chunks(64)
        .map(|line| std::str::from_utf8(line).unwrap())
        .collect();
    format!(
        "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n",
        lines.join("\n")
    )
}

pub(crate) struct Response {
    pub(crate) status: u16,
    head: String,
    pub(crate) body: Vec<u8>,
}

impl Response {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }
}

/// Sends one request and returns the response, or an error if the connection fails.
pub(crate) async fn send(
    address: SocketAddr,
    method: &str,
    target: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> std::io::Result<Response> {
    let mut stream = TcpStream::connect(address).await?;
    let fields: Vec<String> = headers
        .iter()
        .map(|(name, value)| format!("{name}: {value}\r\n"))
        .collect();
    let fields = fields.concat();
    let head = format!(
        "{method} {target} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n{fields}Content-Length: \
         {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(body).await?;
    let mut received = Vec::new();
    stream.read_to_end(&mut received).await?;
    parse(&received).ok_or_else(|| std::io::Error::from(std::io::ErrorKind::UnexpectedEof))
}

fn parse(received: &[u8]) -> Option<Response> {
    let end = received.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = String::from_utf8(received[..end].to_vec()).ok()?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some(Response {
        status,
        head,
        body: received[end + 4..].to_vec(),
    })
}

pub(crate) fn bearer() -> String {
    format!("Bearer {DEFAULT_ACCESS_TOKEN}")
}

pub(crate) fn key_path() -> String {
    format!("/v25.0/{DEFAULT_PHONE_NUMBER_ID}/whatsapp_business_encryption")
}

pub(crate) async fn started() -> Emulator {
    Emulator::builder().start().await.unwrap()
}

/// Sends a GET with the default token.
pub(crate) async fn get(emulator: &Emulator, target: &str) -> Response {
    send(
        emulator.local_addr(),
        "GET",
        target,
        &[("Authorization", &bearer())],
        b"",
    )
    .await
    .unwrap()
}

/// Uploads `key` for the default number, as a form, with the default token.
pub(crate) async fn set_key(emulator: &Emulator, key: &str) -> Response {
    let form = form_urlencoded::Serializer::new(String::new())
        .append_pair("business_public_key", key)
        .finish();
    let headers = [
        ("Authorization", &*bearer()),
        ("Content-Type", "application/x-www-form-urlencoded"),
    ];
    send(
        emulator.local_addr(),
        "POST",
        &key_path(),
        &headers,
        form.as_bytes(),
    )
    .await
    .unwrap()
}
