//! Names of what is not read, so that people know what they have.

use der::asn1::ObjectIdentifier;

/// Schemes, ciphers and functions that are met in old or unusual files.
const NAMES: [(&str, &str); 32] = [
    // PBES1 (RFC 8018 §A.3).
    ("1.2.840.113549.1.5.1", "PBES1 with MD2 and DES"),
    ("1.2.840.113549.1.5.3", "PBES1 with MD5 and DES"),
    ("1.2.840.113549.1.5.4", "PBES1 with MD2 and RC2"),
    ("1.2.840.113549.1.5.6", "PBES1 with MD5 and RC2"),
    ("1.2.840.113549.1.5.10", "PBES1 with SHA-1 and DES"),
    ("1.2.840.113549.1.5.11", "PBES1 with SHA-1 and RC2"),
    // PKCS#12 (RFC 7292 §C).
    (
        "1.2.840.113549.1.12.1.1",
        "PBE of PKCS#12 with SHA-1 and 128-bit RC4",
    ),
    (
        "1.2.840.113549.1.12.1.2",
        "PBE of PKCS#12 with SHA-1 and 40-bit RC4",
    ),
    ("1.2.840.113549.1.12.1.3", "PBE of PKCS#12 with SHA-1 and 3DES"),
    (
        "1.2.840.113549.1.12.1.4",
        "PBE of PKCS#12 with SHA-1 and two-key 3DES",
    ),
    (
        "1.2.840.113549.1.12.1.5",
        "PBE of PKCS#12 with SHA-1 and 128-bit RC2",
    ),
    (
        "1.2.840.113549.1.12.1.6",
        "PBE of PKCS#12 with SHA-1 and 40-bit RC2",
    ),
    ("1.2.840.113549.1.5.14", "PBMAC1"),
    // Ciphers in PBES2.
    ("1.3.14.3.2.7", "DES-CBC"),
    ("1.2.840.113549.3.2", "RC2-CBC"),
    ("1.2.840.113549.3.9", "RC5-CBC"),
    ("2.16.840.1.101.3.4.1.6", "AES-128-GCM"),
    ("2.16.840.1.101.3.4.1.26", "AES-192-GCM"),
    ("2.16.840.1.101.3.4.1.46", "AES-256-GCM"),
    ("1.2.392.200011.61.1.1.1.2", "Camellia-128-CBC"),
    ("1.2.392.200011.61.1.1.1.3", "Camellia-192-CBC"),
    ("1.2.392.200011.61.1.1.1.4", "Camellia-256-CBC"),
    ("1.2.410.200046.1.1.2", "ARIA-128-CBC"),
    ("1.2.410.200046.1.1.7", "ARIA-192-CBC"),
    ("1.2.410.200046.1.1.12", "ARIA-256-CBC"),
    ("1.2.410.200004.1.4", "SEED-CBC"),
    ("1.2.156.10197.1.104.2", "SM4-CBC"),
    // Functions in PBKDF2.
    ("1.2.840.113549.2.6", "HMAC-MD5"),
    ("1.2.840.113549.2.12", "HMAC-SHA-512/224"),
    ("1.2.840.113549.2.13", "HMAC-SHA-512/256"),
    ("2.16.840.1.101.3.4.2.14", "HMAC-SHA3-256"),
    ("2.16.840.1.101.3.4.2.16", "HMAC-SHA3-512"),
];

/// Names an object identifier, or gives it in dotted form.
pub(super) fn name(oid: ObjectIdentifier) -> String {
    let dotted = oid.to_string();
    match NAMES.iter().find(|(known, _)| *known == dotted) {
        Some((_, name)) => (*name).to_owned(),
        None => format!("object identifier {dotted}"),
    }
}
