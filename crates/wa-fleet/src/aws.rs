//! Commands for numbers that AWS hosts, which Graph does not serve.

use wa_keys::PublicKey;

/// Returns the command that sets a business public key for a number of AWS End User Messaging Social, for a
/// POSIX shell.
/// `number` is the id that AWS gave it, such as `phone-number-id-…`.
///
/// ```
/// # fn example(key: &wa_keys::PublicKey) {
/// let command = wa_fleet::aws_command("phone-number-id-976c72a700aac43eaf573ae050example", key);
/// assert!(command.starts_with("aws socialmessaging put-whatsapp-business-public-key"));
/// # }
/// ```
#[must_use]
pub fn aws_command(number: &str, key: &PublicKey) -> String {
    let number = quoted(number);
    let pem = quoted(key.to_pem().trim_end());
    format!(
        "aws socialmessaging put-whatsapp-business-public-key --origination-phone-number-id {number} \
         --business-public-key {pem}"
    )
}

/// Returns true if a number is named by an id of AWS: Graph does not serve it.
#[must_use]
pub fn is_external(number: &str) -> bool {
    number.starts_with("phone-number-id-")
        || (number.starts_with("arn:") && number.contains(":phone-number-id/"))
}

/// Quotes a text for a POSIX shell.
fn quoted(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:/".contains(&byte);
    if !text.is_empty() && text.bytes().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}
