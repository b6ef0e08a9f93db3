//! Removes secrets from texts of the server: Graph repeats a malformed token in its message.

use wa_secrets::{AccessToken, AppSecret};

/// Shorter secrets are not searched for: they could be part of any word.
const MIN_LENGTH: usize = 6;

/// The replacement for a secret.
const REDACTED: &str = "[redacted]";

/// The secrets of a call, while its response is read.
pub(crate) struct Redactor<'a> {
    secrets: Vec<&'a str>,
}

impl<'a> Redactor<'a> {
    pub(crate) fn new(token: &'a AccessToken, app_secret: Option<&'a AppSecret>, others: &[&'a str]) -> Self {
        let secrets = [
            Some(token.expose_secret()),
            app_secret.map(AppSecret::expose_secret),
        ];
        let secrets = secrets.into_iter().flatten().chain(others.iter().copied());
        Self {
            secrets: secrets.filter(|secret| secret.len() >= MIN_LENGTH).collect(),
        }
    }

    pub(crate) fn clean(&self, text: &str) -> String {
        self.secrets
            .iter()
            .fold(text.to_owned(), |text, secret| text.replace(secret, REDACTED))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_removed_from_texts() {
        let token = AccessToken::new("EAAtoken").unwrap();
        let secret = AppSecret::new("appsecret").unwrap();
        let redactor = Redactor::new(&token, Some(&secret), &["proof0123"]);
        assert_eq!(
            redactor.clean("Malformed access token EAAtoken (appsecret, proof0123)"),
            "Malformed access token [redacted] ([redacted], [redacted])"
        );
    }

    #[test]
    fn a_very_short_token_does_not_redact_ordinary_words() {
        let token = AccessToken::new("a").unwrap();
        assert_eq!(Redactor::new(&token, None, &[]).clean("a banana"), "a banana");
    }
}
