//! The two secrets of a call: the access token and the app secret.

use std::fmt;

use zeroize::Zeroizing;

/// Longer texts are taken for a mistake (a whole file, say); real tokens have a few hundred characters.
const MAX_LENGTH: usize = 8192;

/// Why a text cannot be an access token or an app secret. The text itself is never repeated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SecretError {
    /// The text is empty or blank.
    #[error("the {what} is empty")]
    Empty {
        /// Which secret was wanted: "access token" or "app secret".
        what: &'static str,
    },
    /// The text holds a blank, a control character or something outside ASCII.
    #[error(
        "the {what} holds a character that cannot stand in it (number {position}): copy it again, on one line"
    )]
    ForbiddenCharacter {
        /// Which secret was wanted.
        what: &'static str,
        /// Which character, counted from 1.
        position: usize,
    },
    /// The text begins with the scheme of the HTTP header.
    #[error("the {what} begins with the word \"Bearer\": leave it out, it is added to the header by itself")]
    BearerPrefix {
        /// Which secret was wanted.
        what: &'static str,
    },
    /// The text is far longer than any such secret.
    #[error("the {what} has {length} characters, more than the 8192 that are accepted")]
    TooLong {
        /// Which secret was wanted.
        what: &'static str,
        /// How many characters were given.
        length: usize,
    },
}

fn check(what: &'static str, input: String) -> Result<Zeroizing<String>, SecretError> {
    let input = Zeroizing::new(input);
    let text = input.trim();
    if text.is_empty() {
        return Err(SecretError::Empty { what });
    }
    if text.len() > MAX_LENGTH {
        return Err(SecretError::TooLong {
            what,
            length: text.len(),
        });
    }
    if text
        .get(..7)
        .is_some_and(|start| start.eq_ignore_ascii_case("bearer "))
    {
        return Err(SecretError::BearerPrefix { what });
    }
    if let Some(position) = text.chars().position(|c| !c.is_ascii_graphic()) {
        return Err(SecretError::ForbiddenCharacter {
            what,
            position: position + 1,
        });
    }
    Ok(Zeroizing::new(text.to_owned()))
}

/// A Graph API access token.
///
/// Setting a business public key wants the permission `whatsapp_business_messaging`; listing numbers and accounts wants
/// `whatsapp_business_management` (Meta, *WhatsApp Business Encryption* guide). The memory is wiped when the value goes;
/// there is no `Clone`, no `Display` and nothing in `Debug`.
///
/// ```
/// let token = wa_graph::AccessToken::new("EAAexample")?;
/// assert_eq!(format!("{token:?}"), "AccessToken(..)");
/// # Ok::<(), wa_graph::SecretError>(())
/// ```
pub struct AccessToken(Zeroizing<String>);

impl AccessToken {
    const WHAT: &'static str = "access token";

    /// Checks a text and makes a token of it; blanks and line ends around it are dropped.
    ///
    /// # Errors
    ///
    /// [`SecretError`] when the text is empty, too long, or holds what cannot stand in a token.
    pub fn new(text: impl Into<String>) -> Result<Self, SecretError> {
        check(Self::WHAT, text.into()).map(Self)
    }

    /// Makes the token by which an app speaks for itself, `APP_ID|APP_SECRET`, as `debug_token` wants it
    /// (Meta, *Access tokens*, "App access tokens").
    ///
    /// # Errors
    ///
    /// [`SecretError`] when the app id is empty or holds what cannot stand in a token.
    pub fn for_app(app_id: &str, app_secret: &AppSecret) -> Result<Self, SecretError> {
        if app_id.trim().is_empty() {
            return Err(SecretError::Empty { what: "app id" });
        }
        check(
            Self::WHAT,
            format!("{}|{}", app_id.trim(), app_secret.expose_secret()),
        )
        .map(Self)
    }

    /// Returns the token itself. Keep it out of logs and errors.
    pub fn expose_secret(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for AccessToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AccessToken(..)")
    }
}

/// The secret of a Meta app; with it every call carries a proof that the token was not stolen.
///
/// Handled like [`AccessToken`]: wiped from memory, nothing in `Debug`. The proof is described in Meta's
/// *Secure Graph API calls*.
///
/// ```
/// let secret = wa_graph::AppSecret::new("0123456789abcdef0123456789abcdef")?;
/// assert_eq!(format!("{secret:?}"), "AppSecret(..)");
/// # Ok::<(), wa_graph::SecretError>(())
/// ```
pub struct AppSecret(Zeroizing<String>);

impl AppSecret {
    /// Checks a text and makes an app secret of it; blanks and line ends around it are dropped.
    ///
    /// # Errors
    ///
    /// [`SecretError`] when the text is empty, too long, or holds what cannot stand in a secret.
    pub fn new(text: impl Into<String>) -> Result<Self, SecretError> {
        check("app secret", text.into()).map(Self)
    }

    /// Returns the secret itself. Keep it out of logs and errors.
    pub fn expose_secret(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for AppSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AppSecret(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_ends_around_a_token_are_dropped() {
        assert_eq!(AccessToken::new(" EAA1\r\n").unwrap().expose_secret(), "EAA1");
    }

    #[test]
    fn what_cannot_be_a_token_is_refused_without_being_repeated() {
        type Expected = fn(&SecretError) -> bool;
        let cases: [(String, Expected); 6] = [
            ("  ".into(), |e| matches!(e, SecretError::Empty { .. })),
            ("Bearer EAA1".into(), |e| {
                matches!(e, SecretError::BearerPrefix { .. })
            }),
            ("EAA 1".into(), |e| {
                matches!(e, SecretError::ForbiddenCharacter { position: 4, .. })
            }),
            ("EAA\n1".into(), |e| {
                matches!(e, SecretError::ForbiddenCharacter { position: 4, .. })
            }),
            ("EÄA1".into(), |e| {
                matches!(e, SecretError::ForbiddenCharacter { position: 2, .. })
            }),
            ("E".repeat(9000), |e| {
                matches!(e, SecretError::TooLong { length: 9000, .. })
            }),
        ];
        for (text, expected) in cases {
            let error = AccessToken::new(text.clone()).unwrap_err();
            assert!(expected(&error), "{error:?}");
            assert!(!error.to_string().contains("EAA"), "{error}");
        }
    }

    #[test]
    fn an_app_token_joins_id_and_secret() {
        let secret = AppSecret::new("s3cr3t").unwrap();
        assert_eq!(
            AccessToken::for_app("42", &secret).unwrap().expose_secret(),
            "42|s3cr3t"
        );
        assert!(AccessToken::for_app(" ", &secret).is_err());
    }
}
