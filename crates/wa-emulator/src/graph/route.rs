//! Parses the path of a call.

use super::error::ErrorResponse;

/// The oldest version that is available (Meta, *Graph API changelog*: v20.0 expired on 24 September 2026).
const OLDEST_VERSION: u32 = 21;

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Route {
    /// `/{version}/{id}/whatsapp_business_encryption`
    Key(String),
    /// `/{version}/{id}/phone_numbers`
    PhoneNumbers(String),
    /// `/{version}/{id}/owned_whatsapp_business_accounts`
    OwnedAccounts(String),
    /// `/{version}/{id}/client_whatsapp_business_accounts`
    ClientAccounts(String),
    /// `/{version}/{id}`
    Node(String),
    /// `/debug_token` and `/{version}/debug_token`
    DebugToken,
}

impl Route {
    pub(crate) fn of(path: &str) -> Result<Self, ErrorResponse> {
        let mut segments: Vec<&str> = path.trim_start_matches('/').split('/').collect();
        if segments.last() == Some(&"") {
            segments.pop();
        }
        match segments.as_slice() {
            ["debug_token"] => Ok(Self::DebugToken),
            [version, rest @ ..] => {
                check_version(version)?;
                Self::in_version(rest).ok_or_else(|| {
                    ErrorResponse::invalid_parameter(format!("Unknown path components: /{}", rest.join("/")))
                })
            }
            [] => Err(ErrorResponse::invalid_parameter(
                "Unsupported request: the path names no object",
            )),
        }
    }

    fn in_version(segments: &[&str]) -> Option<Self> {
        match segments {
            ["debug_token"] => Some(Self::DebugToken),
            [id] => Some(Self::Node((*id).to_owned())),
            [id, "whatsapp_business_encryption"] => Some(Self::Key((*id).to_owned())),
            [id, "phone_numbers"] => Some(Self::PhoneNumbers((*id).to_owned())),
            [id, "owned_whatsapp_business_accounts"] => Some(Self::OwnedAccounts((*id).to_owned())),
            [id, "client_whatsapp_business_accounts"] => Some(Self::ClientAccounts((*id).to_owned())),
            _ => None,
        }
    }
}

/// Checks that the version matches `^v[0-9]+\.[0-9]+$` and has not expired.
fn check_version(version: &str) -> Result<(), ErrorResponse> {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let parts = version.strip_prefix('v').and_then(|rest| rest.split_once('.'));
    let Some((major, minor)) = parts.filter(|(major, minor)| digits(major) && digits(minor)) else {
        return Err(ErrorResponse::invalid_parameter(format!(
            "Unknown path components: /{version}"
        )));
    };
    match major.parse::<u32>() {
        Ok(major) if major < OLDEST_VERSION => Err(ErrorResponse::invalid_parameter(format!(
            "(#100) v{major}.{minor} of the Graph API is no longer available; use v25.0"
        ))),
        _ => Ok(()),
    }
}
