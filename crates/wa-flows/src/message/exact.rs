//! Parses JSON as a [`Value`] only if the value represents it exactly.

use serde_json::Value;

/// Parses a text as a [`Value`]; the error is a description that does not quote the text.
///
/// `serde_json` refuses lone surrogates and numbers beyond `f64`, but rounds an integer of more than 64 bits
/// to the nearest `f64`. Its feature `arbitrary_precision` keeps such integers, but changes the type for
/// every crate of a program. So this crate does not enable it, but accepts such integers if another crate
/// has.
pub(crate) fn value(json: &str) -> Result<Value, String> {
    let value = serde_json::from_str(json).map_err(|error| error.to_string())?;
    if has_wide_integer(json) && serde_json::from_str::<Value>("1e999").is_err() {
        return Err("an integer does not fit in 64 bits".to_owned());
    }
    Ok(value)
}

/// Returns true if valid JSON contains an integer, written without fraction and exponent, that fits neither
/// `i64` nor `u64`.
fn has_wide_integer(json: &str) -> bool {
    let mut rest = json;
    while let Some(at) = rest.find(|c: char| c == '"' || c == '-' || c.is_ascii_digit()) {
        rest = rest.get(at..).unwrap_or_default();
        rest = if let Some(string) = rest.strip_prefix('"') {
            after_string(string)
        } else {
            let is_in_number = |c: char| matches!(c, '0'..='9' | '-' | '+' | '.' | 'e' | 'E');
            let end = rest.find(|c| !is_in_number(c)).unwrap_or(rest.len());
            let (number, after) = rest.split_at_checked(end).unwrap_or((rest, ""));
            let is_integer = !number.contains(['.', 'e', 'E']);
            if is_integer && number.parse::<i64>().is_err() && number.parse::<u64>().is_err() {
                return true;
            }
            after
        };
    }
    false
}

/// Returns the text after a string whose opening quote was removed.
fn after_string(text: &str) -> &str {
    let mut escaped = false;
    let end = text.find(|c| match c {
        _ if escaped => {
            escaped = false;
            false
        }
        '\\' => {
            escaped = true;
            false
        }
        c => c == '"',
    });
    end.and_then(|end| text.get(end + 1..)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_of_64_bits_and_numbers_in_strings_are_kept() {
        for json in [
            "18446744073709551615",
            "-9223372036854775808",
            "-0",
            "1e39",
            "[0.1,1E+2,-3,{\"12345678901234567890123\":\"\\\\\"}]",
            r#"{"a":"x\"99999999999999999999999","b":1}"#,
            r#""\u0031""#,
        ] {
            assert!(value(json).is_ok(), "{json}");
        }
    }

    #[test]
    fn a_wider_integer_is_an_error_that_does_not_quote_it() {
        for json in [
            "18446744073709551616",
            "[-9223372036854775809]",
            r#"{"a":"\\","b":99999999999999999999}"#,
        ] {
            assert_eq!(
                value(json).unwrap_err(),
                "an integer does not fit in 64 bits",
                "{json}"
            );
        }
    }
}
