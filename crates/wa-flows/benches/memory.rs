//! Measures an exchange without network, and compares it with the private key operation alone.
//!
//! Prints microseconds, the best of interleaved rounds: other load on the machine only makes a round slower.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::indexing_slicing,
    reason = "a benchmark, run manually"
)]

use std::hint::black_box;
use std::time::Instant;

use aws_lc_rs::rsa::{
    OAEP_SHA256_MGF1SHA256, OaepPrivateDecryptingKey, OaepPublicEncryptingKey, PrivateDecryptingKey,
};
use base64::Engine as _;
use serde_json::json;
use wa_flows::client::{PhoneKey, sign};
use wa_flows::{AppSecret, FlowRequest, FlowResponse, KeyRing, verify_signature};
use wa_keys::PrivateKey;

const ROUNDS: usize = 60;

struct Case {
    name: String,
    repeats: u32,
    work: Box<dyn Fn()>,
    micros: f64,
}

fn main() {
    let key = PrivateKey::parse(include_bytes!("../tests/data/pywa_private_key.der"), None).unwrap();
    let mut cases = vec![raw(&key)];
    cases.extend(
        [33, 1024, 64 * 1024]
            .into_iter()
            .flat_map(|length| exchange(&key, length)),
    );
    cases.extend(base64_of(64 * 1024));
    for _ in 0..ROUNDS {
        for case in &mut cases {
            let started = Instant::now();
            for _ in 0..case.repeats {
                (case.work)();
            }
            let micros = started.elapsed().as_secs_f64() * 1e6 / f64::from(case.repeats);
            case.micros = case.micros.min(micros);
        }
    }
    for case in &cases {
        println!("{:<44} {:>9.2} µs", case.name, case.micros);
    }
    println!(
        "raw operation / exchange of 1 KB: {:.3}",
        cases[0].micros / cases[3].micros
    );
}

fn case(name: impl Into<String>, repeats: u32, work: impl Fn() + 'static) -> Case {
    Case {
        name: name.into(),
        repeats,
        work: Box::new(work),
        micros: f64::INFINITY,
    }
}

fn raw(key: &PrivateKey) -> Case {
    let key = PrivateDecryptingKey::from_pkcs8(key.secret_pkcs8_der()).unwrap();
    let public = OaepPublicEncryptingKey::new(key.public_key()).unwrap();
    let mut encrypted = vec![0; 256];
    public
        .encrypt(&OAEP_SHA256_MGF1SHA256, &[7; 16], &mut encrypted, None)
        .unwrap();
    let key = OaepPrivateDecryptingKey::new(key).unwrap();
    case("private operation of aws-lc-rs alone", 20, move || {
        let mut buffer = [0; 256];
        key.decrypt(&OAEP_SHA256_MGF1SHA256, &encrypted, &mut buffer, None)
            .unwrap();
    })
}

/// A payload of about this length.
fn payload(length: usize) -> Vec<u8> {
    let mut payload = json!({"version": "3.0", "action": "ping"});
    if length > 100 {
        payload = json!({"version": "3.0", "action": "data_exchange", "screen": "A", "flow_token": "t",
            "data": {}});
        for field in 0..20 {
            payload["data"][format!("field_{field}")] = json!("x".repeat(length.saturating_sub(480) / 20));
        }
    }
    payload.to_string().into_bytes()
}

fn exchange(key: &PrivateKey, length: usize) -> [Case; 2] {
    let ring = KeyRing::new(key).unwrap();
    let secret = [AppSecret::new("0123456789abcdef0123456789abcdef").unwrap()];
    let payload = payload(length);
    let length = payload.len();
    let request = PhoneKey::new(key.public_key())
        .unwrap()
        .encrypt(&payload)
        .unwrap();
    let header = sign(&secret[0], request.body());
    let body = request.body().to_vec();
    let whole = case(
        format!("whole exchange, payload of {length} bytes"),
        20,
        move || {
            verify_signature(&secret, Some(header.as_bytes()), &body).unwrap();
            let (payload, seal) = ring.open(&body).unwrap().into_parts();
            let request = FlowRequest::parse(payload).unwrap();
            let response = FlowResponse::screen("NEXT", json!({"came_from": request.screen()}));
            black_box(seal.seal(response.into_json().unwrap()));
        },
    );
    let parse = case(
        format!("parsing that payload of {length} bytes"),
        200,
        move || {
            black_box(FlowRequest::parse(payload.clone()).unwrap());
        },
    );
    [whole, parse]
}

fn base64_of(length: usize) -> [Case; 4] {
    let bytes = vec![0xa5; length];
    let text = base64_simd::STANDARD.encode_to_string(&bytes);
    let (bytes2, text2) = (bytes.clone(), text.clone());
    let standard = &base64::engine::general_purpose::STANDARD;
    [
        case(format!("base64-simd: decode to {length} bytes"), 50, move || {
            black_box(base64_simd::STANDARD.decode_to_vec(black_box(&text)).unwrap());
        }),
        case(format!("base64: decode to {length} bytes"), 50, move || {
            black_box(standard.decode(black_box(&text2)).unwrap());
        }),
        case(format!("base64-simd: encode {length} bytes"), 50, move || {
            black_box(base64_simd::STANDARD.encode_to_string(black_box(&bytes)));
        }),
        case(format!("base64: encode {length} bytes"), 50, move || {
            black_box(standard.encode(black_box(&bytes2)));
        }),
    ]
}
