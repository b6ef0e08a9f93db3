//! Typed Graph node ids, which consist of digits only.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use serde::Deserialize;

/// The maximum length of an id in digits; Graph's own ids have 15 to 17.
const MAX_DIGITS: usize = 32;

/// A reason why a text is not a Graph node id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IdError {
    /// The text is empty or blank.
    #[error("the {what} is empty")]
    Empty {
        /// Which id was expected, for example "phone number id".
        what: &'static str,
    },
    /// The text looks like a phone number, not like an id.
    #[error("\"{text}\" looks like a phone number; expected a {what}")]
    LooksLikePhoneNumber {
        /// Which id was expected.
        what: &'static str,
        /// The given text, shortened.
        text: String,
    },
    /// The text contains something that is not a digit.
    #[error("\"{text}\" is not a {what}: it contains other characters than the digits 0 to 9")]
    NotDigits {
        /// Which id was expected.
        what: &'static str,
        /// The given text, shortened.
        text: String,
    },
    /// The text has more digits than any Graph id.
    #[error("the {what} has {digits} digits, more than 32")]
    TooLong {
        /// Which id was expected.
        what: &'static str,
        /// The number of digits.
        digits: usize,
    },
}

impl IdError {
    /// Returns what to do about it.
    pub fn remedy(&self) -> Option<Cow<'static, str>> {
        let (Self::Empty { what }
        | Self::LooksLikePhoneNumber { what, .. }
        | Self::NotDigits { what, .. }
        | Self::TooLong { what, .. }) = self;
        Some(Cow::Borrowed(if *what == PhoneNumberId::WHAT {
            "use the phone number id, a number of about 15 digits without + or spaces: the App Dashboard shows \
             it under API Setup, and GET /WABA_ID/phone_numbers lists it"
        } else {
            "use the id as WhatsApp Manager or the App Dashboard shows it: digits only"
        }))
    }
}

fn parse(what: &'static str, input: &str) -> Result<Box<str>, IdError> {
    let text = input.trim();
    if text.is_empty() {
        return Err(IdError::Empty { what });
    }
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        let shown = shortened(text);
        return Err(if looks_like_phone_number(text) {
            IdError::LooksLikePhoneNumber { what, text: shown }
        } else {
            IdError::NotDigits { what, text: shown }
        });
    }
    if text.len() > MAX_DIGITS {
        return Err(IdError::TooLong {
            what,
            digits: text.len(),
        });
    }
    Ok(text.into())
}

/// Returns whether a text consists of digits and the punctuation of phone numbers.
fn looks_like_phone_number(text: &str) -> bool {
    let digits = text.chars().filter(char::is_ascii_digit).count();
    let punctuation = |c: char| matches!(c, '+' | '-' | '.' | '(' | ')' | '/') || c.is_whitespace();
    (5..=20).contains(&digits) && text.chars().all(|c| c.is_ascii_digit() || punctuation(c))
}

/// Shortens a wrong setting for a message, so that a token pasted in its place is not repeated in full.
pub(crate) fn shortened(text: &str) -> String {
    const SHOWN: usize = 24;
    let clean = text.chars().map(|c| if c.is_control() { '?' } else { c });
    if text.chars().count() <= SHOWN {
        clean.collect()
    } else {
        clean.take(6).chain(['…']).collect()
    }
}

/// An id in JSON: Graph returns strings, and numbers in some samples.
#[derive(Deserialize)]
#[serde(untagged)]
enum WireId {
    Text(String),
    Number(u64),
}

macro_rules! node_id {
    ($(#[$doc:meta])* $name:ident, $what:literal, $example:literal) => {
        $(#[$doc])*
        ///
        /// It has 1 to 32 digits; spaces around them are ignored.
        ///
        /// ```
        #[doc = concat!("use wa_graph::", stringify!($name), ";")]
        ///
        #[doc = concat!("let id: ", stringify!($name), " = \"", $example, "\".parse()?;")]
        #[doc = concat!("assert_eq!(id.as_str(), \"", $example, "\");")]
        #[doc = concat!("assert!(\"+1 555 0100\".parse::<", stringify!($name), ">().is_err());")]
        /// # Ok::<(), wa_graph::IdError>(())
        /// ```
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Box<str>);

        impl $name {
            const WHAT: &'static str = $what;

            /// Parses an id.
            ///
            /// # Errors
            ///
            /// [`IdError`] if the text is not an id, with a variant for texts that look like a phone
            /// number.
            pub fn new(text: impl AsRef<str>) -> Result<Self, IdError> {
                parse(Self::WHAT, text.as_ref()).map(Self)
            }

            /// Returns the digits.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                Self::new(text)
            }
        }

        impl TryFrom<&str> for $name {
            type Error = IdError;

            fn try_from(text: &str) -> Result<Self, IdError> {
                Self::new(text)
            }
        }

        impl TryFrom<String> for $name {
            type Error = IdError;

            fn try_from(text: String) -> Result<Self, IdError> {
                Self::new(text)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = match WireId::deserialize(deserializer)? {
                    WireId::Text(text) => text,
                    WireId::Number(number) => number.to_string(),
                };
                Self::new(&text).map_err(serde::de::Error::custom)
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }
    };
}

node_id!(
    /// The id of a business phone number, which calls to the Encryption API are addressed to.
    ///
    /// It is neither the phone number itself nor the id of the WhatsApp Business Account.
    PhoneNumberId, "phone number id", "106540352242922"
);
node_id!(
    /// The id of a WhatsApp Business Account (WABA), which owns phone numbers.
    WabaId, "WhatsApp Business Account id", "102290129340398"
);
node_id!(
    /// The id of a Meta business portfolio, which owns WhatsApp Business Accounts.
    BusinessId, "business id", "506914307656634"
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_accepted_and_surrounding_spaces_ignored() {
        for text in ["1", "106540352242922", " 106540352242922\n", &"9".repeat(32)] {
            assert_eq!(PhoneNumberId::new(text).unwrap().as_str(), text.trim());
        }
    }

    #[test]
    fn phone_numbers_are_recognized() {
        for text in [
            "+1 555 010 0000",
            "+15550100000",
            "(555) 010-0000",
            "555-0100",
            "+49.30.901820",
            "555 0100",
        ] {
            let error = PhoneNumberId::new(text).unwrap_err();
            assert!(
                matches!(error, IdError::LooksLikePhoneNumber { .. }),
                "{text}: {error:?}"
            );
            assert!(error.to_string().contains("phone number id"), "{error}");
            assert!(error.remedy().unwrap().contains("without + or spaces"), "{error}");
        }
    }

    #[test]
    fn other_texts_are_refused_and_not_repeated_in_full() {
        let token = "EAAJB0Token0That0Was0Pasted0Into0The0Wrong0Field";
        let error = WabaId::new(token).unwrap_err();
        assert!(matches!(error, IdError::NotDigits { .. }));
        assert!(!error.to_string().contains(token));
        assert!(matches!(WabaId::new("  "), Err(IdError::Empty { .. })));
        assert!(matches!(WabaId::new("me/../1"), Err(IdError::NotDigits { .. })));
        assert!(matches!(WabaId::new("١٢٣"), Err(IdError::NotDigits { .. })));
        assert!(matches!(
            WabaId::new("1".repeat(33)),
            Err(IdError::TooLong { digits: 33, .. })
        ));
    }

    #[test]
    fn json_ids_may_be_strings_or_integers() {
        assert_eq!(serde_json::from_str::<WabaId>("\"104\"").unwrap().as_str(), "104");
        assert_eq!(
            serde_json::from_str::<WabaId>("104996122399160")
                .unwrap()
                .as_str(),
            "104996122399160"
        );
        assert!(serde_json::from_str::<WabaId>("-1").is_err());
        assert!(serde_json::from_str::<WabaId>("null").is_err());
        assert_eq!(
            serde_json::to_string(&WabaId::new("104").unwrap()).unwrap(),
            "\"104\""
        );
    }
}
