//! The Graph API version, the first segment of every path.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use crate::id::shortened;

/// A Graph API version such as `v25.0`.
///
/// The pattern is `^v[0-9]+\.[0-9]+$` (Meta, *Business Messaging API* `OpenAPI` description); a version is
/// available for about two years (Meta, *Graph API changelog*). Default: `v25.0`.
///
/// ```
/// use wa_graph::ApiVersion;
///
/// assert_eq!(ApiVersion::default().to_string(), "v25.0");
/// assert_eq!("v26.0".parse::<ApiVersion>()?, ApiVersion::new(26, 0));
/// assert!("26.0".parse::<ApiVersion>().is_err());
/// # Ok::<(), wa_graph::ApiVersionError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ApiVersion {
    major: u16,
    minor: u16,
}

impl ApiVersion {
    /// Returns the version `v{major}.{minor}`.
    pub const fn new(major: u16, minor: u16) -> Self {
        Self { major, minor }
    }
}

impl Default for ApiVersion {
    fn default() -> Self {
        Self::new(25, 0)
    }
}

impl fmt::Display for ApiVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "v{}.{}", self.major, self.minor)
    }
}

impl FromStr for ApiVersion {
    type Err = ApiVersionError;

    fn from_str(text: &str) -> Result<Self, ApiVersionError> {
        let wrong = || ApiVersionError {
            text: shortened(text),
        };
        let (major, minor) = text
            .strip_prefix('v')
            .and_then(|rest| rest.split_once('.'))
            .ok_or_else(wrong)?;
        let number = |digits: &str| {
            if digits.bytes().all(|byte| byte.is_ascii_digit()) {
                digits.parse().ok()
            } else {
                None
            }
        };
        match (number(major), number(minor)) {
            (Some(major), Some(minor)) => Ok(Self { major, minor }),
            _ => Err(wrong()),
        }
    }
}

/// The error for a text that is not a Graph API version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{text}\" is not a Graph API version")]
pub struct ApiVersionError {
    text: String,
}

impl ApiVersionError {
    /// Returns what to do about it.
    pub fn remedy(&self) -> Option<Cow<'static, str>> {
        Some(Cow::Borrowed(
            "write it as v25.0: the letter v, a number, a dot and a number",
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_v_number_dot_number_is_a_version() {
        for (text, version) in [("v25.0", (25, 0)), ("v1.10", (1, 10)), ("v026.0", (26, 0))] {
            assert_eq!(text.parse(), Ok(ApiVersion::new(version.0, version.1)), "{text}");
        }
        for text in [
            "", "v", "25.0", "v25", "v25.", "v.0", "V25.0", "v25.0 ", "v25.0.1", "v+5.0", "v99999.0",
            "v25.0/..",
        ] {
            assert!(text.parse::<ApiVersion>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_token_in_place_of_a_version_is_not_repeated() {
        let token = "EAAJB0Token0That0Was0Pasted0Into0The0Wrong0Field";
        let error = token.parse::<ApiVersion>().unwrap_err();
        assert!(!format!("{error} {error:?}").contains("EAAJB0T"), "{error}");
    }

    #[test]
    fn versions_are_ordered_by_number() {
        assert!(ApiVersion::new(9, 0) < ApiVersion::new(25, 0));
    }
}
