//! Redacts the log: the secrets that the emulator knows, and those in parameters of a call that are always
//! secret.

use crate::graph::{Call, Params};
use crate::world::World;

/// Parameters whose value is always a secret.
const SECRET_PARAMS: [&str; 4] = ["access_token", "input_token", "appsecret_proof", "client_secret"];

/// The replacements for one call, longest secret first, because one may contain another.
pub(crate) struct Redactor {
    known: Vec<(zeroize::Zeroizing<String>, String)>,
}

impl Redactor {
    pub(crate) fn new(world: &World, call: &Call) -> Self {
        let mut known = Vec::new();
        for (label, token) in &world.tokens {
            push(&mut known, token.secret.expose_secret(), label);
        }
        for (id, app) in &world.apps {
            push(
                &mut known,
                app.secret.expose_secret(),
                &format!("secret of app {id}"),
            );
        }
        let of = |params: &Params, known: &mut Vec<_>| {
            for (_, value) in params.iter().filter(|(name, _)| SECRET_PARAMS.contains(name)) {
                push(known, value, "(unknown)");
            }
        };
        of(&call.query, &mut known);
        if let Ok(params) = &call.params {
            of(params, &mut known);
        }
        if let Some(token) = call.token() {
            push(&mut known, token, "(unknown)");
        }
        known.sort_by_key(|(secret, _)| std::cmp::Reverse(secret.len()));
        Self { known }
    }

    /// Returns the label of a token; `(unknown)` for one that was never issued.
    pub(crate) fn label(&self, token: &str) -> String {
        let found = self.known.iter().find(|(secret, _)| secret.as_str() == token);
        found.map_or_else(|| "(unknown)".to_owned(), |(_, label)| label.clone())
    }

    pub(crate) fn text(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (secret, label) in &self.known {
            if text.contains(secret.as_str()) {
                text = text.replace(secret.as_str(), &format!("<{label}>"));
            }
        }
        text
    }

    /// Redacts a query or a form pair by pair, so that percent-encoding cannot hide a secret.
    pub(crate) fn query(&self, query: &str) -> String {
        let pairs: Vec<String> = query.split('&').map(|pair| self.pair(pair)).collect();
        pairs.join("&")
    }

    fn pair(&self, raw: &str) -> String {
        let Some((name, value)) = form_urlencoded::parse(raw.as_bytes()).next() else {
            return raw.to_owned();
        };
        let redacted = self.text(&value);
        if redacted != *value || SECRET_PARAMS.contains(&&*name) {
            format!("{name}={redacted}")
        } else {
            self.text(raw)
        }
    }

    pub(crate) fn body(&self, call: &Call, max_chars: usize) -> String {
        let names_private_key = |text: &str| text.contains("PRIVATE KEY") || text.contains("PRIVATE+KEY");
        let text = String::from_utf8_lossy(&call.body);
        let in_params = call.params.as_ref().is_ok_and(|params| {
            params
                .iter()
                .any(|(name, value)| names_private_key(name) || names_private_key(value))
        });
        if in_params || names_private_key(&text) || names_private_key(&text.replace("%20", " ")) {
            return "<a private key, withheld>".to_owned();
        }
        let is_form = call.is_form();
        let redacted = if is_form {
            self.query(&text)
        } else {
            self.text(&text)
        };
        redacted.chars().take(max_chars).collect()
    }
}

fn push(known: &mut Vec<(zeroize::Zeroizing<String>, String)>, secret: &str, label: &str) {
    if !secret.is_empty() && !known.iter().any(|(held, _)| held.as_str() == secret) {
        known.push((zeroize::Zeroizing::new(secret.to_owned()), label.to_owned()));
    }
}
