//! Keys that were given where the name of their file is due.

use std::path::Path;

/// What the base64 of `-----BEGIN` begins with.
const BASE64_OF_PEM: &str = "LS0tLS1CRUdJT";
/// Names of files are seldom as long, and in base64 a key's DER is never shorter.
const SHORTEST_DER: usize = 48;
/// No file system has longer names, in bytes.
const LONGEST_NAME: usize = 255;

/// Tells whether what should name a file is rather the text of a key or certificate: its PEM, the base64 of that, or its DER
/// in base64. Errors must not repeat such a path.
///
/// It errs on the side of secrecy: a name of more than 255 bytes, which no file has, counts as a text.
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

    /// A DER of an elliptic curve's key has some 120 bytes, the shortest that people have.
    const EC: &str = "MHcCAQEEIGEHEIMGEHEIMGEHEIMGEHEIMGEHEIMGEHEIMGEHEIMoAoGCCqGSM49AwEHoUQDQgAE";

    #[test]
    fn keys_in_every_text_form_are_known() {
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
    fn names_of_files_are_none() {
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
