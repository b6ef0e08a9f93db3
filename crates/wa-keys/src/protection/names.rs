//! Names of the schemes that this crate does not support, and whether OpenSSL 3 supports them.

use der::asn1::ObjectIdentifier;

use crate::{
    KeyError,
    OpenSslSupport::{self, Default, Legacy, None},
};

/// Schemes, ciphers and functions in old or unusual files.
///
/// OpenSSL supports AES-GCM, but not for encrypting private keys.
#[rustfmt::skip]
const NAMES: [(&str, &str, OpenSslSupport); 32] = [
    ("1.2.840.113549.1.5.1", "PBES1 with MD2 and DES", None),
    ("1.2.840.113549.1.5.3", "PBES1 with MD5 and DES", Legacy),
    ("1.2.840.113549.1.5.4", "PBES1 with MD2 and RC2", None),
    ("1.2.840.113549.1.5.6", "PBES1 with MD5 and RC2", Legacy),
    ("1.2.840.113549.1.5.10", "PBES1 with SHA-1 and DES", Legacy),
    ("1.2.840.113549.1.5.11", "PBES1 with SHA-1 and RC2", Legacy),
    ("1.2.840.113549.1.12.1.1", "PBE of PKCS#12 with SHA-1 and 128-bit RC4", Legacy),
    ("1.2.840.113549.1.12.1.2", "PBE of PKCS#12 with SHA-1 and 40-bit RC4", Legacy),
    ("1.2.840.113549.1.12.1.3", "PBE of PKCS#12 with SHA-1 and 3DES", Default),
    ("1.2.840.113549.1.12.1.4", "PBE of PKCS#12 with SHA-1 and two-key 3DES", Default),
    ("1.2.840.113549.1.12.1.5", "PBE of PKCS#12 with SHA-1 and 128-bit RC2", Legacy),
    ("1.2.840.113549.1.12.1.6", "PBE of PKCS#12 with SHA-1 and 40-bit RC2", Legacy),
    ("1.2.840.113549.1.5.14", "PBMAC1", None),
    ("1.3.14.3.2.7", "DES-CBC", Legacy),
    ("1.2.840.113549.3.2", "RC2-CBC", Legacy),
    ("1.2.840.113549.3.9", "RC5-CBC", None),
    ("2.16.840.1.101.3.4.1.6", "AES-128-GCM", None),
    ("2.16.840.1.101.3.4.1.26", "AES-192-GCM", None),
    ("2.16.840.1.101.3.4.1.46", "AES-256-GCM", None),
    ("1.2.392.200011.61.1.1.1.2", "Camellia-128-CBC", Default),
    ("1.2.392.200011.61.1.1.1.3", "Camellia-192-CBC", Default),
    ("1.2.392.200011.61.1.1.1.4", "Camellia-256-CBC", Default),
    ("1.2.410.200046.1.1.2", "ARIA-128-CBC", Default),
    ("1.2.410.200046.1.1.7", "ARIA-192-CBC", Default),
    ("1.2.410.200046.1.1.12", "ARIA-256-CBC", Default),
    ("1.2.410.200004.1.4", "SEED-CBC", Legacy),
    ("1.2.156.10197.1.104.2", "SM4-CBC", Default),
    ("1.2.840.113549.2.6", "HMAC-MD5", None),
    ("1.2.840.113549.2.12", "HMAC-SHA-512/224", Default),
    ("1.2.840.113549.2.13", "HMAC-SHA-512/256", Default),
    ("2.16.840.1.101.3.4.2.14", "HMAC-SHA3-256", None),
    ("2.16.840.1.101.3.4.2.16", "HMAC-SHA3-512", None),
];

/// Returns the error for an unsupported object identifier, with its name or its dotted form.
pub(super) fn unsupported(oid: ObjectIdentifier) -> KeyError {
    let dotted = oid.to_string();
    match NAMES.iter().find(|(known, ..)| *known == dotted) {
        Some((_, name, openssl)) => KeyError::UnsupportedProtection {
            found: (*name).to_owned(),
            openssl: *openssl,
        },
        Option::None => KeyError::UnsupportedProtection {
            found: format!("object identifier {dotted}"),
            openssl: None,
        },
    }
}

/// Returns the error for an unsupported cipher in a `DEK-Info` header.
pub(super) fn unsupported_dek(name: &str) -> KeyError {
    let starts = |prefixes: &[&str]| prefixes.iter().any(|prefix| name.starts_with(prefix));
    let openssl = if starts(&["CAMELLIA-", "ARIA-", "DES-EDE-", "SM4-"]) {
        Default
    } else if starts(&["DES-", "RC2-", "BF-", "CAST5-", "IDEA-", "SEED-"]) {
        Legacy
    } else {
        None
    };
    KeyError::UnsupportedProtection {
        found: name.to_owned(),
        openssl,
    }
}
