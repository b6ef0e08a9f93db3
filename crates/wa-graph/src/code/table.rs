//! The table of codes: Meta, *Cloud API error codes*, *Graph API error handling* and *rate limits*, *Flows
//! error codes*.

use super::CodeKind::{
    Flow, Messaging, NotFound, Parameter, Permission, Policy, RateLimit, Registration, Temporary, Token,
};
use super::RetryAdvice::{Later, Never, Slowly, Soon};
use super::{CodeKind, KnownCode, RetryAdvice};

/// The remedy for a refused token; the subcodes of 190 are more specific.
const NEW_TOKEN: &str = "The access token is not accepted. Generate a new one with the permission \
     whatsapp_business_messaging, preferably for a system user, whose token does not expire.";

const PERMISSION: &str = "The token lacks a permission. Give it whatsapp_business_messaging (to set and \
                          get the key) and whatsapp_business_management (to list numbers), assign the \
                          WhatsApp Business Account to the token's system user, and generate a new token. \
                          Acting for other businesses requires Advanced Access.";

const REGISTER_NUMBER: &str = "The number must be registered with Cloud API before a key can be set: \
     POST /PHONE_NUMBER_ID/register, then set the key again.";

const WAIT_APP: &str = "The app has made too many calls within the hour. Stop calling for a while (further \
                        calls prolong the limit), then continue more slowly; the X-App-Usage header shows \
                        how close the limit is.";

const WAIT: &str = "Wait before the next call (further calls prolong the limit), then continue more slowly.";

const TRY_AGAIN: &str = "Meta's service failed temporarily. Try again in a few minutes; if the failure \
                         persists, check metastatus.com and give Meta's support the fbtrace_id.";

const NOT_FROM_HERE: &str =
    "This code concerns sending messages; the Encryption API is not known to return it.";

pub(super) static TABLE: &[KnownCode] = &[
    row(0, Token, Never, "the token could not be authenticated", NEW_TOKEN),
    row(1, Temporary, Soon, "unknown error in the API", TRY_AGAIN),
    row(2, Temporary, Soon, "service temporarily unavailable", TRY_AGAIN),
    row(
        3,
        Permission,
        Never,
        "the app lacks a capability or permission",
        PERMISSION,
    ),
    row(4, RateLimit, Slowly, "the app's call limit is reached", WAIT_APP),
    row(
        10,
        Permission,
        Never,
        "permission not granted or removed, or the number may not set a public key",
        "Check that the token has the permission whatsapp_business_messaging and that its system user is \
         assigned to the WhatsApp Business Account of this number. If both are true, the number used to \
         set the key must be allowlisted by Meta for Flows with an endpoint: ask Meta's support.",
    ),
    row(17, RateLimit, Slowly, "the user's call limit is reached", WAIT),
    row(32, RateLimit, Slowly, "the page's call limit is reached", WAIT),
    row(
        33,
        NotFound,
        Never,
        "the business phone number has been deleted",
        "Check the phone number id: GET /WABA_ID/phone_numbers lists those that exist. A number that was \
         deleted and added again has a new id.",
    ),
    row(
        100,
        Parameter,
        Never,
        "a parameter is missing or not valid",
        "Send business_public_key as a valid 2048-bit RSA public key in PEM (BEGIN PUBLIC KEY), and \
         address the call to the phone number id, not to a WhatsApp Business Account id or a Flow id.",
    ),
    row(102, Token, Never, "the session of the token has ended", NEW_TOKEN),
    row(
        190,
        Token,
        Never,
        "the access token has expired or is not valid",
        NEW_TOKEN,
    ),
    range(
        200,
        299,
        Permission,
        Never,
        "a permission is not granted or was removed",
        PERMISSION,
    ),
    row(
        341,
        RateLimit,
        Slowly,
        "the app's limit for this operation is reached",
        WAIT,
    ),
    row(
        368,
        Policy,
        Never,
        "the account is blocked for a breach of policy",
        "Check the account's status in WhatsApp Manager and appeal there; no key can be set until the \
         block is lifted.",
    ),
    row(613, RateLimit, Slowly, "a custom call limit is reached", WAIT),
    row(
        803,
        NotFound,
        Never,
        "no object with this id exists",
        "Use the phone number id, not the phone number itself, a WhatsApp Business Account id or a Flow id. \
         GET /WABA_ID/phone_numbers lists the ids; the token must be allowed to see the number.",
    ),
    row(
        80007,
        RateLimit,
        Slowly,
        "the WhatsApp Business Account's call limit is reached",
        "The account's limit is 200 calls an hour per app (5,000 once it is active with a registered \
         number). Stop calling until the time in the error, then continue more slowly.",
    ),
    row(
        80008,
        RateLimit,
        Slowly,
        "the WhatsApp Business Account's management call limit is reached",
        WAIT,
    ),
    row(
        130_429,
        RateLimit,
        Slowly,
        "the throughput limit is reached",
        WAIT,
    ),
    row(
        131_000,
        Temporary,
        Soon,
        "something went wrong on Meta's side; for a public key: it could not be signed; for a Flow: its \
         endpoint's health check may have failed",
        "Setting a key: Meta could not sign it with the number's identity. Set it again; if that fails \
         repeatedly, check that the number is registered with Cloud API and give Meta's support the \
         fbtrace_id. Publishing a Flow: the health check of its endpoint failed. The endpoint must respond \
         to a ping that is encrypted with the registered key and signed with the app's secret; \
         `wa flow check --help` shows how to test it.",
    ),
    row(131_005, Permission, Never, "access denied", PERMISSION),
    row(
        131_008,
        Parameter,
        Never,
        "a required parameter is missing",
        "Send business_public_key with the PEM text of the public key.",
    ),
    row(
        131_009,
        Parameter,
        Never,
        "a parameter's value is not valid",
        "Send business_public_key as a valid 2048-bit RSA public key in PEM (BEGIN PUBLIC KEY).",
    ),
    row(
        131_016,
        Temporary,
        Soon,
        "service temporarily unavailable",
        TRY_AGAIN,
    ),
    row(
        131_031,
        Policy,
        Never,
        "the account is locked",
        "Check the account's status in WhatsApp Manager: it was locked for a breach of policy, or its data \
         could not be verified.",
    ),
    row(
        131_045,
        Registration,
        Never,
        "the number's certificate or registration is not valid",
        REGISTER_NUMBER,
    ),
    row(
        131_048,
        Messaging,
        Never,
        "spam rate limit of messages",
        NOT_FROM_HERE,
    ),
    row(
        131_056,
        Messaging,
        Never,
        "too many messages between two numbers",
        NOT_FROM_HERE,
    ),
    row(
        131_057,
        Temporary,
        Soon,
        "the account is in maintenance",
        "The business account is in maintenance mode, perhaps because its throughput is being raised. Try \
         again in a few minutes.",
    ),
    row(132_068, Messaging, Never, "the Flow is blocked", NOT_FROM_HERE),
    row(132_069, Messaging, Never, "the Flow is throttled", NOT_FROM_HERE),
    row(
        133_000,
        Registration,
        Never,
        "an earlier deregistration did not finish",
        "Deregister the number again (POST /PHONE_NUMBER_ID/deregister), register it, then set the key.",
    ),
    range(
        133_001,
        133_003,
        Registration,
        Never,
        "the number's registration failed",
        REGISTER_NUMBER,
    ),
    row(
        133_004,
        Temporary,
        Soon,
        "the registration server is temporarily not available",
        TRY_AGAIN,
    ),
    row(
        133_005,
        Registration,
        Never,
        "the two-step verification PIN is wrong",
        "Register the number with the correct PIN, which can be reset in WhatsApp Manager.",
    ),
    row(
        133_006,
        Registration,
        Never,
        "the number must be verified before it is registered",
        "Verify the number (request_code, verify_code), register it, then set the key.",
    ),
    range(
        133_007,
        133_007,
        Registration,
        Never,
        "the number's registration failed",
        REGISTER_NUMBER,
    ),
    row(
        133_008,
        Registration,
        Later,
        "too many wrong PINs",
        "Wait for the time in the error's details before the next attempt.",
    ),
    row(
        133_009,
        Registration,
        Later,
        "PINs were entered too fast",
        "Wait for the time in the error's details before the next attempt.",
    ),
    row(
        133_010,
        Registration,
        Never,
        "the number is not registered with Cloud API",
        REGISTER_NUMBER,
    ),
    range(
        133_011,
        133_014,
        Registration,
        Never,
        "the number's registration failed",
        REGISTER_NUMBER,
    ),
    row(
        133_015,
        Registration,
        Later,
        "the number was deleted recently, and the deletion is not complete",
        "Wait five minutes, then try again.",
    ),
    row(
        133_016,
        Registration,
        Later,
        "the number was registered and deregistered too often",
        "Meta blocks registration for a few days after too many attempts; wait until the block ends.",
    ),
    row(
        135_000,
        Messaging,
        Never,
        "generic error with a message's parameters",
        NOT_FROM_HERE,
    ),
    row(
        139_000,
        Flow,
        Never,
        "blocked by Meta's integrity checks",
        "Check the account's status in WhatsApp Manager.",
    ),
    row(
        139_001,
        Flow,
        Never,
        "the Flow cannot be updated",
        "Publish changes as a new Flow, or try again when processing is complete.",
    ),
    row(
        139_002,
        Flow,
        Never,
        "the Flow cannot be published",
        "If the details name a missing signed public key: set the business public key for every phone \
         number of the account and check that its status is VALID. If they name the endpoint, its health \
         check failed (also reported as 131000): it must respond to a ping that is encrypted with that key \
         and signed with the app's secret; `wa flow check --help` shows how to test it.",
    ),
    row(
        139_003,
        Flow,
        Never,
        "the Flow cannot be deprecated",
        "Only a published Flow can be deprecated.",
    ),
    row(
        139_004,
        Flow,
        Never,
        "the Flow cannot be deleted",
        "Only a draft can be deleted.",
    ),
    row(
        139_006,
        Flow,
        Never,
        "too little data for the metric",
        "Metrics require at least 250 requests in the requested period.",
    ),
    row(
        2_494_100,
        Temporary,
        Soon,
        "the number is in maintenance",
        "The phone number is in maintenance mode. Try again in a few minutes.",
    ),
];

const fn row(
    code: i64,
    kind: CodeKind,
    retry: RetryAdvice,
    meaning: &'static str,
    remedy: &'static str,
) -> KnownCode {
    range(code, code, kind, retry, meaning, remedy)
}

#[expect(clippy::too_many_arguments, reason = "the columns of the table")]
const fn range(
    first: i64,
    last: i64,
    kind: CodeKind,
    retry: RetryAdvice,
    meaning: &'static str,
    remedy: &'static str,
) -> KnownCode {
    KnownCode {
        first,
        last,
        kind,
        retry,
        meaning,
        remedy: Some(remedy),
    }
}

#[cfg(test)]
mod tests;
