//! Truncated and damaged files are distinguished, and the line of the damage is reported.

use wa_keys::{Damage, Form, KeyError, Passphrase, PrivateKey, PublicKey, inspect};

use crate::support::*;

#[test]
fn damage_is_reported_with_its_line() {
    let key = text("openssl/public.pem");
    let edit = |edit: fn(&mut Vec<&str>)| {
        let mut lines: Vec<&str> = key.lines().collect();
        edit(&mut lines);
        lines.join("\n")
    };
    let damaged = |input: String, expected: &str| {
        let error = PublicKey::parse(&input).unwrap_err();
        assert!(
            matches!(error, KeyError::Damaged { line: Some(_), .. }),
            "{error:?}"
        );
        assert!(
            error.to_string().starts_with(expected),
            "{error} is not {expected}"
        );
        assert!(error.remedy().is_some(), "{error}");
        assert_eq!(inspect(&input).unwrap_err().to_string(), error.to_string());
    };
    damaged(
        edit(|lines| lines.truncate(5)),
        "line 1: the block that begins here has no matching -----END",
    );
    damaged(
        edit(|lines| drop(lines.drain(..3))),
        "line 6: an -----END …----- line without a -----BEGIN",
    );
    damaged(
        edit(|lines| drop(lines.drain(3..4))),
        "line 7: the key data is truncated: 294 bytes expected, 246",
    );
    damaged(
        edit(|lines| lines.insert(3, lines[3])),
        "line 9: 48 extra bytes after the key data",
    );
    damaged(
        edit(|lines| drop(lines.drain(1..8))),
        "line 2: the block is empty",
    );
    damaged(
        edit(|lines| lines.insert(4, "AAA*")),
        "line 5: the character '*' is not part of the base64 alphabet",
    );
    damaged(
        edit(|lines| lines.insert(2, "…")),
        "line 3: the character '\u{fffd}' is not part",
    );
    damaged(
        edit(|lines| lines.insert(6, "AA==")),
        "line 8: base64 continues after its padding",
    );
    damaged(
        key.replacen("-----BEGIN", "----BEGIN", 1),
        "line 1: a BEGIN or END line must have five hyphens",
    );
    damaged(
        key.replace("KEY-----\n", "KEY----\n"),
        "line 1: a BEGIN or END line must have five hyphens",
    );
    damaged(
        key.replace("END PUBLIC", "END PRIVATE"),
        "line 9: the label of the END line differs",
    );
    damaged(
        key.replacen("MII", "MI", 1),
        "line 8: the base64 text is truncated or lacks characters",
    );
}

#[test]
fn damage_to_der_is_reported() {
    let der = data("openssl/public.der");
    let truncated = PublicKey::parse(&der[..200]).unwrap_err();
    assert!(matches!(
        truncated,
        KeyError::Damaged {
            line: None,
            damage: Damage::Truncated {
                expected: 294,
                found: 200
            }
        }
    ));
    let trailing = PublicKey::parse([der.as_slice(), b"x"].concat()).unwrap_err();
    assert!(matches!(
        trailing,
        KeyError::Damaged {
            line: None,
            damage: Damage::TrailingBytes(1)
        }
    ));
    let nonsense = PublicKey::parse(tlv(0x30, &[0xff; 200])).unwrap_err();
    assert!(
        matches!(
            nonsense,
            KeyError::Damaged {
                damage: Damage::NotDer,
                ..
            }
        ),
        "{nonsense:?}"
    );
    let hollow = PublicKey::parse(spki(&[], &[])).unwrap_err();
    assert!(matches!(hollow, KeyError::WrongSize { bits: 0 }), "{hollow:?}");
    let inner = tlv(0x03, &[0, 0x30, 0x03, 0x02, 0x01, 0x01]);
    let malformed = sequence(&[sequence(&[oid("1.2.840.113549.1.1.1"), null()]), inner]);
    let malformed = PublicKey::parse(malformed).unwrap_err();
    assert!(
        matches!(
            malformed,
            KeyError::Malformed {
                form: Form::SpkiPublicKey
            }
        ),
        "{malformed:?}"
    );
}

#[test]
fn damage_to_the_headers_of_a_traditional_key_is_reported() {
    let key = text("openssl/traditional-aes256.pem");
    let dek = key.lines().find(|line| line.starts_with("DEK-Info")).unwrap();
    let passphrase = Passphrase::new(PASSPHRASE);
    for replacement in [
        "",
        "DEK-Info: AES-256-CBC",
        "DEK-Info: AES-256-CBC,0123",
        "DEK-Info: ,",
        "DEK-Info: aes,00",
    ] {
        let error = PrivateKey::parse(key.replace(dek, replacement), Some(&passphrase)).unwrap_err();
        let is_right = matches!(
            error,
            KeyError::Damaged {
                damage: Damage::BadHeader("DEK-Info"),
                ..
            }
        );
        assert!(is_right, "{replacement:?}: {error:?}");
        assert!(error.remedy().unwrap().contains("DEK-Info"));
    }
}
