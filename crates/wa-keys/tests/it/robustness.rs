//! No input makes the crate panic, and no error or description contains key material.

use proptest::prelude::*;
use wa_keys::{Encoding, Inspection, KeyError, Passphrase, PrivateKey, PublicKey, inspect};

use crate::support::*;

/// Files that cost at most a few thousand derivation rounds after a mutation.
const CHEAP: [&str; 18] = [
    "openssl/public.pem",
    "openssl/public.der",
    "openssl/pkcs1-public.der",
    "openssl/certificate.der",
    "openssl/certificate-trusted.pem",
    "openssl/pkcs8.der",
    "openssl/pkcs8.pem",
    "openssl/pkcs1.der",
    "node/pkcs1-des3.pem",
    "openssl/traditional-aes128.pem",
    "refused/request.der",
    "refused/ec-sec1.pem",
    "refused/ed25519.pem",
    "refused/rsa-pss.pem",
    "pkcs12/unprotected.p12",
    "jwk/private.json",
    "jwk/set.json",
    "refused/pbes1-md5-des.pem",
];

/// Calls every function that takes untrusted input, and formats all results.
fn exercise(input: &[u8], passphrase: Option<&Passphrase>) {
    let describe = |error: &KeyError| (error.to_string(), format!("{error:?}"), error.remedy());
    let _ = PublicKey::parse(input).map_err(|error| describe(&error));
    let _ = PrivateKey::parse(input, passphrase).map_err(|error| describe(&error));
    if let Ok(inspection) = inspect(input) {
        let _: (Encoding, &[wa_keys::Item]) = (inspection.encoding(), inspection.items());
        let _ = (inspection.advice(), format!("{inspection:?}"), inspection.main());
    }
}

fn mutate(bytes: &mut Vec<u8>, edits: &[(u16, u8, u8)]) {
    for (position, kind, value) in edits {
        let position = usize::from(*position) % (bytes.len() + 1);
        match kind % 4 {
            0 if position < bytes.len() => bytes[position] = *value,
            1 => bytes.insert(position, *value),
            2 if position < bytes.len() => drop(bytes.remove(position)),
            3 => bytes.truncate(position.max(1)),
            _ => {}
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn any_bytes(input in prop::collection::vec(any::<u8>(), 0..600)) {
        exercise(&input, None);
    }

    #[test]
    fn any_text_between_boundaries(
        label in "(PUBLIC|PRIVATE|RSA PRIVATE|ENCRYPTED PRIVATE|EC|CERTIFICATE|[ -~]{0,20})( KEY)?",
        body in "((Proc-Type: ?4,ENCRYPTED|DEK-Info: ?[A-Z0-9-]{0,12},?[0-9A-F]{0,40}|[A-Za-z0-9+/=\\\\nru\" ]{0,70})\n){0,6}",
        end in "(-----END [A-Z ]{0,15}-----)?",
    ) {
        exercise(format!("-----BEGIN {label}-----\n{body}-----END {label}-----\n").as_bytes(), None);
        exercise(format!("-----BEGIN {label}-----\n{body}{end}").as_bytes(), None);
    }

    #[test]
    fn any_members_in_a_der_sequence(
        members in prop::collection::vec((any::<u8>(), prop::collection::vec(any::<u8>(), 0..20)), 0..10),
    ) {
        let members: Vec<Vec<u8>> = members.iter().map(|(tag, value)| tlv(*tag, value)).collect();
        exercise(&sequence(&members), None);
        exercise(&sequence(&[sequence(&members), octets(&[1; 16])]), None);
    }

    #[test]
    fn valid_files_with_some_bytes_changed(
        file in 0..CHEAP.len(),
        edits in prop::collection::vec(any::<(u16, u8, u8)>(), 1..4),
    ) {
        let mut bytes = data(CHEAP[file]);
        mutate(&mut bytes, &edits);
        exercise(&bytes, Some(&Passphrase::new(PASSPHRASE)));
    }

    #[test]
    fn encrypted_files_with_some_bytes_changed(edits in prop::collection::vec(any::<(u16, u8, u8)>(), 1..4)) {
        // Without a passphrase nothing is derived, because a mutation may raise the cost up to the limit.
        let mut bytes = data("openssl/pbes2.der");
        mutate(&mut bytes, &edits);
        exercise(&bytes, None);
    }

    /// A private key that still parses after a change has exactly the same numbers.
    #[test]
    fn every_change_of_a_private_key_is_detected(position in 40usize..1190, value in any::<u8>()) {
        let original = data("openssl/pkcs1.der");
        prop_assume!(position < original.len());
        let mut changed = original.clone();
        changed[position] = value;
        if let Ok(key) = PrivateKey::parse(&changed, None) {
            prop_assert_eq!(inner(key.secret_pkcs8_der()), original);
        }
    }
}

/// Returns whether the text contains any 8 consecutive base64 characters of a private key.
fn leaks(shown: &str, secret: &str) -> bool {
    let compact: String = secret.chars().filter(|c| !c.is_whitespace()).collect();
    // The first 40 characters are the same in every key of the form.
    compact.as_bytes()[40..]
        .windows(8)
        .any(|part| shown.contains(str::from_utf8(part).unwrap()))
}

#[test]
fn no_error_or_inspection_shows_a_part_of_a_private_key() {
    let body = |pem: &str| {
        pem.lines()
            .filter(|line| !line.starts_with("-----"))
            .collect::<String>()
    };
    for name in ["openssl/pkcs8.pem", "openssl/pkcs1.pem", "refused/rsa1024.pem"] {
        let pem = text(name);
        let secret = body(&pem);
        let damaged = [
            pem.clone(),
            pem.replace('\n', "\\n"),
            pem.replace("PRIVATE", "PUBLIC"),
            pem.replace("-----BEGIN ", "—–BEGIN "),
            pem.replace("-----\n", "----\n"),
            pem.replace("-----BEGIN", "----BEGIN"),
            pem.replace("-----END", "----END"),
            pem.replace("KEY-----\n", "KEY\n"),
            pem.replacen("KEY-----\n", "", 1),
            pem[..700].to_owned(),
            pem[200..].to_owned(),
            secret.clone(),
            format!("{secret}*"),
            secret[..301].to_owned(),
            pem.replacen('\n', "\nProc-Type: 4,ENCRYPTED\nDEK-Info: ", 1),
            pem.replacen('\n', "\nDEK-Info: AES-256-CBC,", 1),
            pem.replacen('A', "é", 1),
            pem.replace('\n', ": "),
            pem.replacen("-----BEGIN", &format!("-----BEGIN {}", &secret[50..90]), 1),
        ];
        for input in damaged {
            let mut shown = Vec::new();
            let mut show = |error: KeyError| {
                shown.push(format!("{error} {error:?} {:?}", error.remedy()));
            };
            let _ = PublicKey::parse(&input).map_err(&mut show);
            let _ = PrivateKey::parse(&input, None).map_err(&mut show);
            let described =
                inspect(&input).map(|found: Inspection| format!("{found:?} {:?}", found.advice()));
            shown.push(described.unwrap_or_else(|error| format!("{error} {error:?}")));
            for text in shown {
                assert!(!leaks(&text, &secret), "{name}: {text}");
            }
        }
    }
    // The check does detect a leak.
    let pem = text("openssl/pkcs8.pem");
    assert!(leaks(pem.lines().nth(5).unwrap(), &body(&pem)));
}
