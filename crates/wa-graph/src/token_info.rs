//! The result of `debug_token`.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::Deserialize;

use crate::lenient;

/// What Graph returns about a token (Meta, *Debug token*). Every member is optional.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct TokenInfo {
    /// Whether Graph accepts the token.
    pub is_valid: bool,
    /// The id of the app that the token belongs to.
    #[serde(deserialize_with = "lenient::text")]
    pub app_id: Option<String>,
    /// The app's name.
    pub application: Option<String>,
    /// The kind of token, for example `SYSTEM_USER`, `USER` or `APP`.
    #[serde(rename = "type")]
    pub token_type: Option<String>,
    /// The user that the token acts for.
    #[serde(deserialize_with = "lenient::text")]
    pub user_id: Option<String>,
    /// When the token was issued, in seconds since 1970.
    pub issued_at: Option<i64>,
    /// When the token expires, in seconds since 1970; 0 for never.
    pub expires_at: Option<i64>,
    /// When access to the user's data expires, in seconds since 1970; 0 for never.
    pub data_access_expires_at: Option<i64>,
    /// The permissions.
    pub scopes: Vec<String>,
    /// The permissions, with the objects to which they are limited.
    pub granular_scopes: Vec<GranularScope>,
    /// Why the token is not valid.
    pub error: Option<TokenProblem>,
}

/// A permission and the objects to which it is limited.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct GranularScope {
    /// The permission.
    pub scope: String,
    /// The ids of the objects (of accounts for `whatsapp_business_management`); `None` for all.
    pub target_ids: Option<Vec<String>>,
}

/// Why a token is not valid.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct TokenProblem {
    /// The Graph error code, most often 190.
    pub code: Option<i64>,
    /// The subcode.
    pub subcode: Option<i64>,
    /// The message for developers.
    pub message: Option<String>,
}

/// The response, with all members in `data`.
#[derive(Deserialize)]
pub(crate) struct Wrapped {
    pub(crate) data: TokenInfo,
}

impl TokenInfo {
    /// Returns whether the token has a permission, even if only for some objects.
    pub fn has_scope(&self, scope: &str) -> bool {
        self.scopes.iter().any(|given| given == scope)
            || self.granular_scopes.iter().any(|given| given.scope == scope)
    }

    /// Returns whether the token has a permission for an object.
    pub fn has_scope_for(&self, scope: &str, object_id: &str) -> bool {
        let granular = self.granular_scopes.iter().find(|given| given.scope == scope);
        match granular.and_then(|given| given.target_ids.as_ref()) {
            Some(targets) => targets.iter().any(|target| target == object_id),
            None => self.has_scope(scope),
        }
    }

    /// Returns when the token expires; `None` if never or unknown.
    pub fn expires(&self) -> Option<SystemTime> {
        let seconds = self
            .expires_at
            .and_then(|seconds| u64::try_from(seconds).ok())
            .filter(|seconds| *seconds > 0)?;
        UNIX_EPOCH.checked_add(Duration::from_secs(seconds))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_complete_response_is_read() {
        let info = serde_json::from_value::<Wrapped>(json!({"data": {
            "app_id": 42, "application": "App", "type": "SYSTEM_USER", "is_valid": true, "user_id": "7",
            "issued_at": 1_700_000_000, "expires_at": 0, "data_access_expires_at": 0, "unknown": [],
            "scopes": ["whatsapp_business_messaging", "whatsapp_business_management"],
            "granular_scopes": [{"scope": "whatsapp_business_messaging"},
                {"scope": "whatsapp_business_management", "target_ids": ["1022"]}]}}))
        .unwrap()
        .data;
        assert_eq!(
            (info.app_id.as_deref(), info.user_id.as_deref()),
            (Some("42"), Some("7"))
        );
        assert_eq!(info.expires(), None);
        assert!(info.has_scope_for("whatsapp_business_messaging", "anything"));
        assert!(info.has_scope_for("whatsapp_business_management", "1022"));
        assert!(!info.has_scope_for("whatsapp_business_management", "1"));
        assert!(!info.has_scope("business_management"));
    }

    #[test]
    fn an_invalid_token_and_an_empty_response_are_read() {
        let info: TokenInfo = serde_json::from_value(json!({"is_valid": false, "expires_at": 1_700_000_000,
            "error": {"code": 190, "message": "expired", "subcode": 463}}))
        .unwrap();
        assert_eq!(info.error.as_ref().unwrap().subcode, Some(463));
        assert_eq!(
            info.expires(),
            Some(UNIX_EPOCH + Duration::from_secs(1_700_000_000))
        );
        assert_eq!(
            serde_json::from_value::<TokenInfo>(json!({})).unwrap(),
            TokenInfo::default()
        );
    }
}
