//! Settings from the environment.

use std::env::{self, VarError};

use wa_secrets::variables::{
    ACCESS_TOKEN, ACCESS_TOKEN_FALLBACK, API_VERSION, APP_SECRET, GRAPH_URL, PHONE_NUMBER_ID,
};

use crate::builder::WhatsAppBuilder;
use crate::error::BuildError;

/// Returns the value of an environment variable.
fn from_process(name: &'static str) -> Result<Option<String>, BuildError> {
    match env::var(name) {
        Ok(value) => Ok(Some(value)),
        Err(VarError::NotPresent) => Ok(None),
        Err(VarError::NotUnicode(_)) => Err(BuildError::NotUnicode { variable: name }),
    }
}

pub(crate) fn settings() -> Result<WhatsAppBuilder, BuildError> {
    read(from_process)
}

fn read(
    lookup: impl Fn(&'static str) -> Result<Option<String>, BuildError>,
) -> Result<WhatsAppBuilder, BuildError> {
    let lookup = |name| Ok::<_, BuildError>(lookup(name)?.filter(|value| !value.trim().is_empty()));
    let mut builder = WhatsAppBuilder::new();
    if let Some(token) =
        lookup(ACCESS_TOKEN)?.map_or_else(|| lookup(ACCESS_TOKEN_FALLBACK), |token| Ok(Some(token)))?
    {
        builder = builder.access_token(token);
    }
    if let Some(id) = lookup(PHONE_NUMBER_ID)? {
        builder = builder.phone_number_id(id);
    }
    if let Some(secret) = lookup(APP_SECRET)? {
        builder = builder.app_secret(secret);
    }
    if let Some(url) = lookup(GRAPH_URL)? {
        builder = builder.base_url(url);
    }
    if let Some(version) = lookup(API_VERSION)? {
        builder = builder.api_version(version);
    }
    Ok(builder)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_from(pairs: &[(&'static str, &'static str)]) -> WhatsAppBuilder {
        read(|name| {
            Ok(pairs
                .iter()
                .find(|(key, _)| *key == name)
                .map(|(_, value)| (*value).to_owned()))
        })
        .unwrap()
    }

    #[test]
    fn all_variables_are_read() {
        let whatsapp = read_from(&[
            (ACCESS_TOKEN, "EAA1"),
            (PHONE_NUMBER_ID, "1065"),
            (APP_SECRET, "secret"),
            (GRAPH_URL, "http://127.0.0.1:1/x"),
            (API_VERSION, "v24.0"),
        ])
        .build()
        .unwrap();
        assert_eq!(whatsapp.client().base_url().as_str(), "http://127.0.0.1:1/x");
        assert_eq!(whatsapp.client().api_version().to_string(), "v24.0");
        assert_eq!(whatsapp.phone_number_id().as_str(), "1065");
    }

    #[test]
    fn the_node_sdks_variable_is_a_fallback() {
        for token in [(ACCESS_TOKEN, "EAA1"), (ACCESS_TOKEN_FALLBACK, "EAA2")] {
            assert!(read_from(&[token, (PHONE_NUMBER_ID, "1065")]).build().is_ok());
        }
        // The first one has precedence: the second is not a valid token.
        let both = [
            (ACCESS_TOKEN, "EAA1"),
            (ACCESS_TOKEN_FALLBACK, "not a token"),
            (PHONE_NUMBER_ID, "1"),
        ];
        assert!(read_from(&both).build().is_ok());
        // An empty variable counts as not set.
        let empty = [
            (ACCESS_TOKEN, " "),
            (ACCESS_TOKEN_FALLBACK, "EAA2"),
            (PHONE_NUMBER_ID, "1"),
        ];
        assert!(read_from(&empty).build().is_ok());
    }

    #[test]
    fn a_missing_setting_is_named_with_its_variable() {
        let error = read_from(&[(PHONE_NUMBER_ID, "1")]).build().unwrap_err();
        assert!(error.report().contains(ACCESS_TOKEN), "{error}");
        let error = read_from(&[(ACCESS_TOKEN, "EAA1")]).build().unwrap_err();
        assert!(error.report().contains(PHONE_NUMBER_ID), "{error}");
    }
}
