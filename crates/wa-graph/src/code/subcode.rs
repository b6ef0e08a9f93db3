//! The subcodes that are more specific than their code (Meta, *Graph API error handling*; *Flows error
//! codes*).

use super::KnownSubcode;

const LOG_IN_AGAIN: &str =
    "Have the user log in to the app again and use the new token; a system user's token avoids this.";

pub(super) static TABLE: &[KnownSubcode] = &[
    KnownSubcode {
        code: 100,
        subcode: 33,
        meaning: "no object with this id exists or is visible to the token",
        remedy: "Use the phone number id, not the phone number itself, a WhatsApp Business Account id or a \
                 Flow id. GET /WABA_ID/phone_numbers lists the ids; the token's system user must be assigned \
                 to the account.",
    },
    KnownSubcode {
        code: 139_002,
        subcode: 4_233_012,
        meaning: "the Flow's phone number has no signed public key",
        remedy: "Set the business public key for every phone number of the account and check that its \
                 status is VALID, then publish again.",
    },
    KnownSubcode {
        code: 139_002,
        subcode: 4_233_014,
        meaning: "the Flow's endpoint did not respond to the ping",
        remedy: "Check that the endpoint is reachable and responds to a ping that is encrypted with the \
                 registered key; its private key must match that key.",
    },
    KnownSubcode {
        code: 139_002,
        subcode: 4_233_024,
        meaning: "the Flow has no endpoint_uri",
        remedy: "Set endpoint_uri on the Flow, then publish again.",
    },
    token(458, "the user has not installed the app", LOG_IN_AGAIN),
    token(
        459,
        "the user must log in at facebook.com first",
        "Have the user log in at facebook.com and resolve what is shown there, then generate a new token.",
    ),
    token(460, "the user's password was changed", LOG_IN_AGAIN),
    token(
        463,
        "the access token has expired",
        "Generate a new token. Tokens of the App Dashboard expire after 24 hours; a system user's token \
         can be generated without an expiry.",
    ),
    token(
        464,
        "the user has not confirmed the account",
        "Have the user log in at facebook.com and confirm the account, then generate a new token.",
    ),
    token(
        467,
        "the access token is not valid (it was revoked, or its session has ended)",
        "Generate a new token and check that it is copied in full.",
    ),
    token(
        492,
        "the session is not valid: the token's user may not act for this page or account",
        "Give the user a role on the account again, then generate a new token.",
    ),
];

const fn token(subcode: i64, meaning: &'static str, remedy: &'static str) -> KnownSubcode {
    KnownSubcode {
        code: 190,
        subcode,
        meaning,
        remedy,
    }
}
