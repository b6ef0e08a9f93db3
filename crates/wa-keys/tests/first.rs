//! First slice.
#![allow(clippy::unwrap_used, reason = "tests")]
use wa_keys::{KeyError, PrivateKey, PublicKey};

#[test]
fn slice() {
    let p8 = include_str!("data/rsa2048.pkcs8.pem");
    let a = PrivateKey::parse(p8, None).unwrap();
    let b = PrivateKey::parse(include_str!("data/rsa2048.pkcs1.pem"), None).unwrap();
    let spki = include_str!("data/rsa2048.spki.pem");
    let c = PublicKey::parse(spki).unwrap();
    assert_eq!(a, b);
    assert_eq!(a.public_key(), &c);
    assert_eq!(c.to_pem(), spki);
    assert_eq!(a.secret_pkcs8_pem().expose_secret(), p8);
    let d = PrivateKey::parse(a.secret_pkcs8_der(), None).unwrap();
    assert_eq!(a, d);
    let literal = p8.replace('\n', "\\n");
    assert_eq!(PrivateKey::parse(format!("\"{literal}\""), None).unwrap(), a);
    let generated = PrivateKey::generate().unwrap();
    assert_ne!(generated, a);
    assert_eq!(
        PrivateKey::parse(generated.secret_pkcs8_pem().expose_secret(), None).unwrap(),
        generated
    );
    assert!(matches!(
        PublicKey::parse(p8),
        Err(KeyError::PrivateKeyGiven { .. })
    ));
}
