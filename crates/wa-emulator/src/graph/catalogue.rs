//! Constructors for the errors of the key endpoint (Meta's `OpenAPI` description v23.0, *Cloud API error
//! codes*).

use super::error::ErrorResponse;

const METHOD: &str = "GraphMethodException";

impl ErrorResponse {
    /// Returns 401, 190: the call has no access token.
    pub fn no_token() -> Self {
        Self::new(401, 190, "An access token is required to request this resource.").transient(false)
    }

    /// Returns 401, 190: the token was never issued by this emulator.
    pub fn unknown_token() -> Self {
        Self::new(401, 190, "Invalid OAuth access token - Cannot parse access token").transient(false)
    }

    /// Returns 401, 190 with subcode 463: the token has expired.
    pub fn expired_token() -> Self {
        Self::new(401, 190, "Error validating access token: Session has expired.")
            .subcode(463)
            .transient(false)
    }

    /// Returns 401, 190 with subcode 467: the token was revoked.
    pub fn revoked_token() -> Self {
        Self::new(
            401,
            190,
            "Error validating access token: The session has been invalidated.",
        )
        .subcode(467)
        .transient(false)
    }

    /// Returns 403, 10: the token lacks a permission, or the number is not on the allowlist for setting a
    /// key.
    pub fn missing_permission(details: impl Into<String>) -> Self {
        Self::new(
            403,
            10,
            "(#10) Application does not have permission for this action",
        )
        .details(details)
        .transient(false)
    }

    /// Returns 403, 200 with subcode 1349174: the token has the permission, but not for this object.
    pub fn permission_denied() -> Self {
        Self::new(
            403,
            200,
            "(#200) You do not have the necessary permissions to access this object",
        )
        .subcode(1_349_174)
        .transient(false)
        .user_text(
            "Permission Denied",
            "You don't have permission to manage this business phone number.",
        )
    }

    /// Returns 400, 100: the uploaded key is invalid; the details state the reason.
    pub fn invalid_key(details: impl Into<String>) -> Self {
        Self::new(400, 100, "Business public key is invalid")
            .details(details)
            .transient(false)
            .user_text(
                "Invalid Public Key",
                "The provided business public key is not a valid 2048-bit RSA public key in PEM format.",
            )
    }

    /// Returns 400, 100: a required parameter is missing.
    pub fn missing_parameter(name: &str) -> Self {
        Self::new(400, 100, format!("Missing required parameter: {name}")).transient(false)
    }

    /// Returns 400, 100: an unknown or invalid parameter, path or method.
    pub fn invalid_parameter(message: impl Into<String>) -> Self {
        Self::new(400, 100, message).transient(false)
    }

    /// Returns 404, 803: there is no object with this id.
    pub fn unknown_object(id: &str) -> Self {
        Self::new(
            404,
            803,
            format!("(#803) Some of the aliases you requested do not exist: {id}"),
        )
        .kind(METHOD)
        .transient(false)
    }

    /// Returns 422, 100: the number is not eligible for encryption.
    pub fn not_eligible() -> Self {
        Self::new(
            422,
            100,
            "Phone number is not eligible for encryption configuration",
        )
        .kind(METHOD)
        .transient(false)
    }

    /// Returns 400, 133010: the number is not registered with Cloud API.
    pub fn number_not_registered() -> Self {
        Self::new(400, 133_010, "(#133010) Account not registered")
            .details("The phone number is not registered on the WhatsApp Business platform.")
    }

    /// Returns 400, 33: the number was deleted.
    pub fn number_deleted() -> Self {
        Self::new(400, 33, "(#33) The business phone number has been deleted").transient(false)
    }

    /// Returns 429, 4 with subcode 2446079: the app reached its rate limit.
    pub fn app_rate_limit() -> Self {
        Self::new(429, 4, "(#4) Application request limit reached")
            .subcode(2_446_079)
            .transient(true)
    }

    /// Returns 400, 80007: the WhatsApp Business account reached its rate limit.
    pub fn account_rate_limit() -> Self {
        Self::new(
            400,
            80007,
            "(#80007) There have been too many calls to this WhatsApp Business account",
        )
        .transient(true)
    }

    /// Returns 500, 2: a temporary failure of the API.
    pub fn temporary() -> Self {
        Self::new(500, 2, "Service temporarily unavailable")
            .kind(METHOD)
            .transient(true)
    }

    /// Returns 500, 131000: Meta failed to sign an uploaded key.
    pub fn something_went_wrong() -> Self {
        Self::new(500, 131_000, "(#131000) Something went wrong")
            .details("Failed to compute the signature of the business public key.")
    }
}
