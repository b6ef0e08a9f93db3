//! The key ring, with requests of another implementation and of the client side.

use proptest::prelude::*;
use serde_json::{Value, json};
use wa_flows::client::{DecryptError, PhoneKey};
use wa_flows::{KeyRing, OpenError, RingKey, RingState};
use wa_keys::PrivateKey;

use crate::support::{known_key, other_key, test_data};

const PING: &[u8] = br#"{"version":"3.0","action":"ping"}"#;

fn encrypt(key: &PrivateKey, payload: &[u8]) -> Vec<u8> {
    PhoneKey::new(key.public_key())
        .unwrap()
        .encrypt(payload)
        .unwrap()
        .body()
        .to_vec()
}

fn opens(ring: &KeyRing, key: &PrivateKey) -> bool {
    ring.open(&encrypt(key, PING)).is_ok()
}

#[test]
fn the_exchange_of_another_implementation_decrypts_and_re_encrypts_byte_for_byte() {
    let vector = test_data("pywa_flow_exchange.json");
    let ring = KeyRing::new(known_key()).unwrap();
    let plain = vector["request"].to_string();
    let escaped = plain.replace('/', "\\/");
    assert_ne!(plain, escaped);
    for body in [plain, escaped] {
        let opened = ring.open(body.as_bytes()).unwrap();
        assert_eq!(opened.key, known_key().public_key().fingerprint());
        let (payload, seal) = opened.into_parts();
        assert_eq!(
            payload,
            vector["derived"]["request_plaintext_utf8"]
                .as_str()
                .unwrap()
                .as_bytes()
        );
        let response = vector["derived"]["response_plaintext_utf8"].as_str().unwrap();
        assert_eq!(
            seal.seal(response.into()),
            vector["encrypted_response_b64"].as_str().unwrap()
        );
    }
}

#[test]
fn current_and_previous_keys_decrypt_requests_and_their_use_is_counted() {
    let ring = KeyRing::new(known_key())
        .unwrap()
        .with_previous(other_key(0))
        .unwrap();
    for (key, times) in [(known_key(), 2), (other_key(0), 1)] {
        for _ in 0..times {
            let opened = ring.open(&encrypt(key, PING)).unwrap();
            assert_eq!(
                (opened.key, opened.expose_payload()),
                (key.public_key().fingerprint(), PING)
            );
        }
    }
    let uses = ring.keys();
    assert_eq!(uses.iter().map(|key| key.opened).collect::<Vec<_>>(), [2, 1]);
    assert!(uses.iter().all(|key| key.last_opened.is_some()));
    assert_eq!(
        ring.open(&encrypt(other_key(1), PING)).unwrap_err(),
        OpenError::Undecryptable
    );
}

#[test]
fn keys_change_for_all_clones_of_a_ring_at_once() {
    let ring = KeyRing::new(known_key()).unwrap();
    let serving = ring.clone();
    assert!(!opens(&serving, other_key(0)));

    ring.promote(other_key(0)).unwrap();
    assert!(opens(&serving, other_key(0)) && opens(&serving, known_key()));
    assert_eq!(
        serving.keys()[0].fingerprint,
        other_key(0).public_key().fingerprint()
    );

    let primary = other_key(0).public_key().fingerprint();
    assert!(!ring.retire(&primary), "the primary key stays");
    assert!(ring.retire(&known_key().public_key().fingerprint()));
    assert!(opens(&serving, other_key(0)) && !opens(&serving, known_key()));

    ring.replace(
        &KeyRing::new(other_key(1))
            .unwrap()
            .with_previous(other_key(0))
            .unwrap(),
    );
    assert!(opens(&serving, other_key(1)));
    assert_eq!(
        serving.keys().iter().map(|key| key.opened).collect::<Vec<_>>(),
        [1, 2],
        "counts survive"
    );
}

/// The state, the fingerprint and the count of each key, in the order in which they are tried.
fn states(ring: &KeyRing) -> Vec<(RingState, String, u64)> {
    let keys = ring.keys();
    keys.iter()
        .map(|key| (key.state, key.fingerprint.short(), key.opened))
        .collect()
}

#[test]
fn the_keys_of_a_ring_are_replaced_as_a_whole_and_keep_their_counts() {
    use RingState::{Enabled, Pending, Primary};
    let [one, two, three] =
        [known_key(), other_key(0), other_key(1)].map(|key| key.public_key().fingerprint().short());
    let ring = KeyRing::empty();
    assert!(!opens(&ring, known_key()) && ring.keys().is_empty());

    let ready = |key| RingKey::new(key).unwrap();
    ring.set_keys([(Pending, ready(other_key(0))), (Primary, ready(known_key()))]);
    assert!(opens(&ring, other_key(0)) && opens(&ring, known_key()));
    assert_eq!(
        states(&ring),
        [(Primary, one.clone(), 1), (Pending, two.clone(), 1)]
    );

    // The keys are given once more as if they were read again, one of them twice.
    ring.set_keys([
        (Pending, ready(other_key(1))),
        (Enabled, ready(known_key())),
        (Enabled, ready(other_key(0))),
        (Primary, ready(other_key(0))),
    ]);
    assert_eq!(
        states(&ring),
        [(Primary, two, 1), (Enabled, one, 1), (Pending, three, 0)]
    );
}

#[test]
fn a_promoted_key_is_the_only_primary() {
    use RingState::{Enabled, Pending, Primary};
    let ring = KeyRing::new(known_key())
        .unwrap()
        .with_previous(other_key(0))
        .unwrap()
        .with_pending(other_key(1))
        .unwrap();
    ring.promote(other_key(1)).unwrap();
    let found: Vec<_> = states(&ring).into_iter().map(|(state, ..)| state).collect();
    assert_eq!(found, [Primary, Enabled, Enabled]);
    let ring = ring.with_pending(known_key()).unwrap();
    assert!(
        ring.keys().iter().all(|key| key.state != Pending),
        "a known key keeps its state"
    );
}

#[test]
fn a_revoked_key_decrypts_nothing_even_if_it_was_the_last() {
    let ring = KeyRing::new(known_key())
        .unwrap()
        .with_previous(other_key(0))
        .unwrap();
    let serving = ring.clone();
    let [current, earlier] = [known_key(), other_key(0)].map(|key| key.public_key().fingerprint());
    assert!(ring.revoke(&current) && !ring.revoke(&current));
    assert!(!opens(&serving, known_key()) && opens(&serving, other_key(0)));
    assert!(ring.revoke(&earlier));
    assert!(serving.keys().is_empty());
    assert_eq!(
        serving.open(&encrypt(known_key(), PING)).unwrap_err(),
        OpenError::Undecryptable
    );
    ring.promote(other_key(1)).unwrap();
    assert!(opens(&serving, other_key(1)));
}

#[test]
fn every_altered_part_of_an_envelope_is_undecryptable() {
    let ring = KeyRing::new(known_key())
        .unwrap()
        .with_previous(other_key(0))
        .unwrap();
    let envelope: Value = serde_json::from_slice(&encrypt(known_key(), PING)).unwrap();
    let cases = [
        ("encrypted_flow_data", json!("")),
        ("encrypted_flow_data", json!("AAAA")),
        ("encrypted_flow_data", json!("not base64")),
        ("encrypted_flow_data", json!("A".repeat(64))),
        ("encrypted_aes_key", json!("")),
        ("encrypted_aes_key", json!("A".repeat(344))),
        ("encrypted_aes_key", json!("////".repeat(86))),
        ("initial_vector", json!("AAAAAAAAAAAAAAAA")),
        ("initial_vector", json!("AAAAAAAAAAAAAAAAAAAAAA==")),
        ("initial_vector", json!(null)),
    ];
    for (member, value) in cases {
        let mut altered = envelope.clone();
        altered[member] = value;
        assert_eq!(
            ring.open(altered.to_string().as_bytes()).unwrap_err(),
            OpenError::Undecryptable,
            "{altered}"
        );
    }
    assert_eq!(ring.open(b"{}").unwrap_err(), OpenError::NoEnvelope);
}

#[test]
fn a_response_decrypts_only_with_the_flipped_iv_of_its_own_request() {
    let phone = PhoneKey::new(known_key().public_key()).unwrap();
    let ring = KeyRing::new(known_key()).unwrap();
    let (first, second) = (phone.encrypt(PING).unwrap(), phone.encrypt(PING).unwrap());
    let response = ring
        .open(first.body())
        .unwrap()
        .into_parts()
        .1
        .seal(b"{}".to_vec());
    assert_eq!(first.open_response(response.as_bytes()).unwrap(), b"{}");
    assert_eq!(
        second.open_response(response.as_bytes()),
        Err(DecryptError::Undecryptable)
    );
    assert_eq!(
        first.open_response(format!("\"{response}\"").as_bytes()),
        Err(DecryptError::NotBase64)
    );
    assert_eq!(first.open_response(b""), Err(DecryptError::Undecryptable));

    let request: Value = serde_json::from_slice(first.body()).unwrap();
    let echoed = request["encrypted_flow_data"].as_str().unwrap();
    assert_eq!(
        first.open_response(echoed.as_bytes()),
        Err(DecryptError::Undecryptable),
        "the IV was not flipped"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_encrypted_payload_decrypts_to_itself(
        payload in proptest::collection::vec(any::<u8>(), 0..4096),
    ) {
        let ring = KeyRing::new(known_key()).unwrap();
        let phone = PhoneKey::new(known_key().public_key()).unwrap();
        let request = phone.encrypt(&payload).unwrap();
        let (opened, seal) = ring.open(request.body()).unwrap().into_parts();
        prop_assert_eq!(&opened, &payload);
        prop_assert_eq!(request.open_response(seal.seal(payload.clone()).as_bytes()).unwrap(), payload);
    }

    #[test]
    fn no_random_body_decrypts_or_causes_a_panic(body in proptest::collection::vec(any::<u8>(), 0..600)) {
        prop_assert!(KeyRing::new(known_key()).unwrap().open(&body).is_err());
    }

    #[test]
    fn no_random_envelope_decrypts_or_causes_a_panic(
        data in "[A-Za-z0-9+/=]{0,64}",
        key in "[A-Za-z0-9+/]{340,344}={0,2}",
        iv in "[A-Za-z0-9+/]{20,22}={0,2}",
    ) {
        let body = json!({"encrypted_flow_data": data, "encrypted_aes_key": key, "initial_vector": iv});
        let opened = KeyRing::new(known_key()).unwrap().open(body.to_string().as_bytes());
        prop_assert_eq!(opened.unwrap_err(), OpenError::Undecryptable);
    }
}
