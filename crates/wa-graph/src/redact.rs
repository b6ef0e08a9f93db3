//! Takes our own secrets out of texts that a server wrote: Graph repeats a malformed token in its message.

use wa_secrets::{AccessToken, AppSecret};

/// Secrets shorter than this are not looked for: they could be part of any word.
const MIN_LENGTH: usize = 6;

/// What stands where a secret stood.
const REDACTED: &str = "[redacted]";

/// Knows the secrets of a call for as long as an answer is read.
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
    fn secrets_are_taken_out_of_texts() {
        let token = AccessToken::new("EAAtoken").unwrap();
        let secret = AppSecret::new("appsecret").unwrap();
        let redactor = Redactor::new(&token, Some(&secret), &["proof0123"]);
        assert_eq!(
            redactor.clean("Malformed access token EAAtoken (appsecret, proof0123)"),
            "Malformed access token [redacted] ([redacted], [redacted])"
        );
    }

    #[test]
    fn a_token_of_a_few_letters_does_not_eat_ordinary_words() {
        let token = AccessToken::new("a").unwrap();
        assert_eq!(Redactor::new(&token, None, &[]).clean("a banana"), "a banana");
    }
}
