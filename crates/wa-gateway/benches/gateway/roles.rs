//! The processes that are measured.

use std::time::{Duration, Instant};

use aws_lc_rs::rsa::{
    OAEP_SHA256_MGF1SHA256, OaepPrivateDecryptingKey, OaepPublicEncryptingKey, PrivateDecryptingKey,
};
use wa_gateway::{Gateway, GatewayConfig, Overrides};
use wa_keys::PrivateKey;

use crate::process::cpu_seconds;

pub(crate) const APP_SECRET: &str = "0123456789abcdef0123456789abcdef";
const KEY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/private.pem");

/// The throwaway key of the tests.
pub(crate) fn key() -> PrivateKey {
    PrivateKey::parse(std::fs::read(KEY).unwrap(), None).unwrap()
}

/// A gateway with its default limits, but for its memory of replays, on one thread; prints its port.
pub(crate) fn gateway() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let mut flags = Overrides::new();
    for (flag, value) in [
        ("listen", "127.0.0.1:0"),
        ("admin-listen", "127.0.0.1:0"),
        ("path", "/flow"),
        ("keys", KEY),
        ("upstream", &std::env::var("WA_BENCH_UPSTREAM").unwrap()),
    ] {
        assert!(flags.set(flag, value));
    }
    // The load sends the same requests in turns: only the last is remembered, so that each is answered as a
    // new one is.
    let limits = "[limits]\nreplay_marks = 1\nreplay_responses = 2000\n";
    let config = GatewayConfig::parse(limits, &flags, |name| {
        (name == "WA_APP_SECRET").then(|| APP_SECRET.to_owned())
    })
    .unwrap();
    runtime.block_on(async {
        let gateway = Gateway::start(config).await.unwrap();
        println!("{}", gateway.local_addr().port());
        gateway.run_until(std::future::pending()).await;
    });
}

/// Does nothing but private key operations for as long as a round lasts, and prints how many a CPU-second.
pub(crate) fn raw() {
    let key = PrivateDecryptingKey::from_pkcs8(key().secret_pkcs8_der()).unwrap();
    let mut buffer = [0; 256];
    let public = OaepPublicEncryptingKey::new(key.public_key()).unwrap();
    let encrypted = public
        .encrypt(&OAEP_SHA256_MGF1SHA256, &[7; 16], &mut buffer, None)
        .unwrap()
        .to_vec();
    let key = OaepPrivateDecryptingKey::new(key).unwrap();
    let (started, cpu) = (Instant::now(), cpu_seconds("self"));
    let mut operations = 0_u32;
    while started.elapsed() < round() {
        let mut buffer = [0; 256];
        key.decrypt(&OAEP_SHA256_MGF1SHA256, &encrypted, &mut buffer, None)
            .unwrap();
        operations += 1;
    }
    println!("{}", f64::from(operations) / (cpu_seconds("self") - cpu));
}

/// How long a round lasts.
pub(crate) fn round() -> Duration {
    let seconds = std::env::var("WA_BENCH_SECONDS")
        .ok()
        .and_then(|seconds| seconds.parse().ok());
    Duration::from_secs_f64(seconds.unwrap_or(2.0))
}
