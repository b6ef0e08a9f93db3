//! Detects the text of a key where the path of a file is expected.

use std::path::Path;

/// The first characters of `-----BEGIN` in base64.
const BASE64_OF_PEM: &str = "LS0tLS1CRUdJT";
/// The DER of a key is never shorter in base64, and file names rarely are as long.
const SHORTEST_DER: usize = 48;
/// The longest file name of common file systems, in bytes.
const LONGEST_NAME: usize = 255;

/// Returns whether a supposed path is the text of a key or certificate: PEM, PEM in base64, or DER in base64.
///
/// Error messages must not repeat such a path. In doubt the answer is yes: a file name of more than 255
/// bytes, which no common file system allows, counts as key text.
///
/// ```
/// use wa_keys::file::is_key_text;
///
/// assert!(is_key_text("-----BEGIN PRIVATE KEY-----\nMIIEvgIBADANBg…"));
/// assert!(!is_key_text("keys/private.pem"));
/// ```
pub fn is_key_text(path: impl AsRef<Path>) -> bool {
    let text = path.as_ref().to_string_lossy();
    let text = text.trim();
    text.contains("-----BEGIN")
        || text.starts_with(BASE64_OF_PEM)
        || (text.starts_with('M') && text.len() >= SHORTEST_DER && text.bytes().all(is_base64))
        || text.split('/').any(|name| name.len() > LONGEST_NAME)
}

fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=' | b'-' | b'_' | b'\r' | b'\n')
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The shortest common key: the DER of an elliptic-curve key has about 120 bytes.
    const EC: &str = "MHcCAQEEIGEHEIMGEHEIMGEHEIMGEHEIMGEHEIMGEHEIMGEHEIMoAoGCCqGSM49AwEHoUQDQgAE";

    #[test]
    fn keys_in_every_text_form_are_detected() {
        for text in [
            "-----BEGIN RSA PRIVATE KEY-----\\nMIIE",
            "\n-----BEGIN PRIVATE KEY-----\n",
            "LS0tLS1CRUdJTiBQUklWQVRFIEtFWS0tLS0tCk1JSUU=",
            EC,
            &format!("MIIEvgIBADANBgkqhkiG9w0BAQEFAASC{}", "A/b+".repeat(300)),
            &"a".repeat(256),
        ] {
            assert!(is_key_text(text), "{text}");
        }
    }

    #[test]
    fn file_names_are_not_key_text() {
        for name in [
            "private.pem",
            "/etc/wa-gateway/keys/2027-01.pem",
            "Main/keys",
            "MyKeys/of-the-flows-of-a-rather-large-company-in-europe.pem",
            &format!("/srv/{}/private", "releases/2026/".repeat(30)),
            "-",
        ] {
            assert!(!is_key_text(name), "{name}");
        }
    }
}
