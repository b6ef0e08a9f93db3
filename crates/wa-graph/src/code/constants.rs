//! Names for the codes that users act on (Meta, *Cloud API error codes*; *Graph API error handling*).

use super::ErrorCode;

impl ErrorCode {
    /// 1: "API Unknown", possibly a temporary failure at Meta.
    pub const API_UNKNOWN: Self = Self(1);
    /// 2: "API Service", a temporary failure at Meta.
    pub const API_SERVICE: Self = Self(2);
    /// 4: "API Too Many Calls", the rate limit of the app.
    pub const TOO_MANY_CALLS: Self = Self(4);
    /// 10: "Permission Denied", also for a phone number that Meta must allowlist.
    pub const PERMISSION_DENIED: Self = Self(10);
    /// 100: "Invalid parameter", most often the public key or the phone number id.
    pub const INVALID_PARAMETER: Self = Self(100);
    /// 190: "Access token has expired", also for tokens that are not valid for another reason.
    pub const ACCESS_TOKEN_EXPIRED: Self = Self(190);
    /// 803: no object with this id exists.
    pub const OBJECT_NOT_FOUND: Self = Self(803);
    /// 80007: "Rate limit issues", the rate limit of a WhatsApp Business Account.
    pub const ACCOUNT_RATE_LIMIT: Self = Self(80_007);
    /// 130429: "Rate limit hit", the throughput limit.
    pub const RATE_LIMIT_HIT: Self = Self(130_429);
    /// 131000: "Something went wrong". For a public key, Meta could not sign it.
    pub const SOMETHING_WENT_WRONG: Self = Self(131_000);
    /// 131005: "Access denied", a missing permission.
    pub const ACCESS_DENIED: Self = Self(131_005);
    /// 131008: "Required parameter is missing".
    pub const REQUIRED_PARAMETER_MISSING: Self = Self(131_008);
    /// 131009: "Parameter value is not valid".
    pub const PARAMETER_VALUE_NOT_VALID: Self = Self(131_009);
    /// 131016: "Service unavailable", a temporary failure at Meta.
    pub const SERVICE_UNAVAILABLE: Self = Self(131_016);
    /// 131031: "Account has been locked".
    pub const ACCOUNT_LOCKED: Self = Self(131_031);
    /// 133010: "Phone number not registered" with Cloud API.
    pub const PHONE_NUMBER_NOT_REGISTERED: Self = Self(133_010);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::code::CodeKind;

    #[test]
    fn constants_stand_for_known_codes_of_their_kind() {
        for (code, number, kind) in [
            (ErrorCode::API_UNKNOWN, 1, CodeKind::Temporary),
            (ErrorCode::API_SERVICE, 2, CodeKind::Temporary),
            (ErrorCode::TOO_MANY_CALLS, 4, CodeKind::RateLimit),
            (ErrorCode::PERMISSION_DENIED, 10, CodeKind::Permission),
            (ErrorCode::INVALID_PARAMETER, 100, CodeKind::Parameter),
            (ErrorCode::ACCESS_TOKEN_EXPIRED, 190, CodeKind::Token),
            (ErrorCode::OBJECT_NOT_FOUND, 803, CodeKind::NotFound),
            (ErrorCode::ACCOUNT_RATE_LIMIT, 80_007, CodeKind::RateLimit),
            (ErrorCode::RATE_LIMIT_HIT, 130_429, CodeKind::RateLimit),
            (ErrorCode::SOMETHING_WENT_WRONG, 131_000, CodeKind::Temporary),
            (ErrorCode::ACCESS_DENIED, 131_005, CodeKind::Permission),
            (
                ErrorCode::REQUIRED_PARAMETER_MISSING,
                131_008,
                CodeKind::Parameter,
            ),
            (ErrorCode::PARAMETER_VALUE_NOT_VALID, 131_009, CodeKind::Parameter),
            (ErrorCode::SERVICE_UNAVAILABLE, 131_016, CodeKind::Temporary),
            (ErrorCode::ACCOUNT_LOCKED, 131_031, CodeKind::Policy),
            (
                ErrorCode::PHONE_NUMBER_NOT_REGISTERED,
                133_010,
                CodeKind::Registration,
            ),
        ] {
            assert_eq!((code.number(), code.kind()), (number, kind));
            assert_eq!(code.is_permission(), kind == CodeKind::Permission, "{code}");
            assert_eq!(code.is_rate_limited(), kind == CodeKind::RateLimit, "{code}");
            let passes = matches!(kind, CodeKind::RateLimit | CodeKind::Temporary);
            assert_eq!(code.is_transient(), passes, "{code}");
        }
    }
}
