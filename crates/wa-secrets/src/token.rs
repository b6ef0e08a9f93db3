//! The secrets that Meta issues: access tokens and app secrets.

use std::fmt;

use zeroize::Zeroizing;

use crate::SecretError;

/// Tokens have a few hundred characters; a longer text is a mistake, such as a complete file.
const MAX_LENGTH: usize = 8192;

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
/// Setting a business public key needs the permission `whatsapp_business_messaging`; listing numbers and
/// accounts needs `whatsapp_business_management` (Meta, *WhatsApp Business Encryption* guide).
///
/// ```
/// let token = wa_secrets::AccessToken::new("EAAexample")?;
/// assert_eq!(format!("{token:?}"), "AccessToken(..)");
/// # Ok::<(), wa_secrets::SecretError>(())
/// ```
pub struct AccessToken(Zeroizing<String>);

impl AccessToken {
    const WHAT: &'static str = "access token";

    /// Creates a token from text; spaces and line ends around it are removed.
    ///
    /// # Errors
    ///
    /// [`SecretError`] if the text is empty, too long, or contains characters that no token contains.
    pub fn new(text: impl Into<String>) -> Result<Self, SecretError> {
        check(Self::WHAT, text.into()).map(Self)
    }

    /// Creates an app access token, `APP_ID|APP_SECRET`, which `debug_token` accepts (Meta, *Access tokens*,
    /// "App access tokens").
    ///
    /// # Errors
    ///
    /// [`SecretError`] if the app id is empty or contains characters that no token contains.
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

/// The secret of a Meta app (App Dashboard, "App settings", "Basic"). It is the key of the signatures of Flow
/// requests and of the `appsecret_proof` of Graph API calls.
///
/// ```
/// let secret = wa_secrets::AppSecret::new("0123456789abcdef0123456789abcdef")?;
/// assert_eq!(format!("{secret:?}"), "AppSecret(..)");
/// # Ok::<(), wa_secrets::SecretError>(())
/// ```
pub struct AppSecret(Zeroizing<String>);

impl AppSecret {
    /// Creates a secret from the text in the App Dashboard; spaces and line ends around it are removed.
    ///
    /// # Errors
    ///
    /// [`SecretError`] if the text is empty, too long, or contains anything but visible ASCII characters.
    /// With an empty secret, as from an unset variable, anyone could sign.
    pub fn new(text: impl Into<String>) -> Result<Self, SecretError> {
        check("app secret", text.into()).map(Self)
    }

    /// Returns the secret itself. Keep it out of logs and errors.
    pub fn expose_secret(&self) -> &str {
        &self.0
    }

    /// Returns whether it consists of 32 lowercase hexadecimal digits, as Meta's app secrets do.
    pub fn is_usual(&self) -> bool {
        self.0.len() == 32
            && self
                .0
                .bytes()
                .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
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
    fn line_ends_around_a_token_are_removed() {
        assert_eq!(AccessToken::new(" EAA1\r\n").unwrap().expose_secret(), "EAA1");
        assert_eq!(AppSecret::new("abc\n").unwrap().expose_secret(), "abc");
    }

    #[test]
    fn what_cannot_be_a_token_is_refused_without_being_repeated() {
        type Expected = fn(&SecretError) -> bool;
        let cases: [(String, Expected); 7] = [
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
            ("\u{feff}EAA1".into(), |e| {
                matches!(e, SecretError::ForbiddenCharacter { position: 1, .. })
            }),
            ("E".repeat(9000), |e| {
                matches!(e, SecretError::TooLong { length: 9000, .. })
            }),
        ];
        for (text, expected) in cases {
            let error = AccessToken::new(text.clone()).unwrap_err();
            assert!(expected(&error), "{error:?}");
            assert!(!error.to_string().contains("EAA"), "{error}");
            assert!(error.remedy().is_some(), "{error}");
            assert!(AppSecret::new(text).is_err());
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

    #[test]
    fn the_usual_app_secret_has_32_hex_digits() {
        let is_usual = |text: &str| AppSecret::new(text).unwrap().is_usual();
        assert!(is_usual("0123456789abcdef0123456789abcdef"));
        for text in [
            "0123456789abcdef",
            "0123456789ABCDEF0123456789ABCDEF",
            "EAAexample",
        ] {
            assert!(!is_usual(text), "{text}");
        }
    }
}
