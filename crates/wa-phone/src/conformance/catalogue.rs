//! The rules, as a table. Meta's pages are cited by their titles.

use super::check::{Check, Severity};

const ENDPOINT: &str = "Meta, Implementing endpoints for Flows";
const CRYPTO: &str = "Meta, Implementing endpoints for Flows: Request decryption and encryption";
const STATUS: &str = "Meta, Implementing endpoints for Flows: Endpoint response HTTP codes";
const SIGNATURE: &str = "Meta, Implementing endpoints for Flows: Request signature validation";
const PING_PAGE: &str = "Meta, Implementing endpoints for Flows: Health check request";
const EXCHANGE: &str = "Meta, Implementing endpoints for Flows: Data exchange request";
const NOTIFICATION_PAGE: &str = "Meta, Implementing endpoints for Flows: Error notification request";
const HEALTH: &str = "Meta, Flow health and monitoring: Endpoint latency and availability";
const ROBUSTNESS: &str = "RFC 9110, section 15: a client's error is a 4xx status";

const OAEP_REMEDY: &str =
    "set the hash of RSA-OAEP and the hash of MGF1 to SHA-256: Java's and Node's libraries default to SHA-1";
const CANNOT_DECRYPT: &str =
    "catch every failure to decode or decrypt in one place, and return 421 with an empty body";
const CHECK_SIGNATURE: &str = "first compare X-Hub-Signature-256 with sha256= and the HMAC-SHA256 of the raw \
     body, in constant time; return 432 if it is missing or different";
const NO_ENVELOPE: &str =
    "check that the body is a JSON object with the three members, and return 400 otherwise";

const fn must(
    id: &'static str,
    title: &'static str,
    rule: &'static str,
    source: &'static str,
    remedy: &'static str,
) -> Check {
    Check {
        id,
        title,
        rule,
        source,
        severity: Severity::Must,
        remedy,
    }
}

const fn should(check: Check) -> Check {
    Check {
        severity: Severity::Should,
        ..check
    }
}

pub(super) const PING: Check = must(
    "exchange.ping",
    "ping",
    "the response to a ping is status 200 and {\"data\":{\"status\":\"active\"}}",
    PING_PAGE,
    "compare the public key, the app secret and the URL with the endpoint's configuration; respond to action \
     ping before any other work",
);
pub(super) const OAEP: Check = must(
    "crypto.oaep",
    "RSA-OAEP with SHA-256",
    "the AES key is encrypted with RSA-OAEP, SHA-256 and MGF1 with SHA-256",
    CRYPTO,
    OAEP_REMEDY,
);
pub(super) const VECTOR: Check = must(
    "crypto.iv",
    "16-byte initial vector",
    "the initial vector of AES-128-GCM has 16 bytes, and all of them are used",
    CRYPTO,
    "pass all 16 bytes to AES-GCM; a library that accepts only 12 cannot be used",
);
pub(super) const ENCODING: Check = must(
    "reply.encoding",
    "response is bare base64",
    "the body of a response is base64 text and nothing else: no JSON, no quotes, no line ends",
    CRYPTO,
    "send the base64 text unchanged, not through a JSON serialiser",
);
pub(super) const ENCRYPTION: Check = must(
    "reply.encryption",
    "response key and inverted vector",
    "a response is encrypted with the AES key of the request and its initial vector with every bit inverted",
    CRYPTO,
    "invert every byte of the initial vector (XOR 0xFF), keep the AES key, append the 16-byte tag, then \
     encode",
);
pub(super) const CONTENT_TYPE: Check = should(must(
    "reply.content-type",
    "response is text/plain",
    "the Content-Type of a response is text/plain",
    CRYPTO,
    "set Content-Type: text/plain",
));
pub(super) const INIT: Check = must(
    "exchange.init",
    "INIT",
    "the response to INIT, which has an empty screen and no data, is a screen and a data object",
    EXCHANGE,
    "accept an empty or missing screen and empty data; return {\"screen\": NAME, \"data\": {…}}; if the \
     first screen of the Flow is static, it gets no INIT: use --no-init",
);
pub(super) const DATA_EXCHANGE: Check = must(
    "exchange.data",
    "data_exchange",
    "the response to data_exchange is a screen and a data object",
    EXCHANGE,
    "return {\"screen\": NAME, \"data\": {…}} for the screen and data that were sent",
);
pub(super) const BACK: Check = must(
    "exchange.back",
    "BACK",
    "the response to BACK, which a screen with refresh_on_back sends, is a screen and a data object; BACK \
     never crashes the endpoint",
    EXCHANGE,
    "return {\"screen\": NAME, \"data\": {…}} with the screen to return to; accept an empty screen (--screen \
     NAME sends BACK from a screen of the Flow); if the Flow has no refresh_on_back, it sends no BACK: use \
     --no-back",
);
pub(super) const NOTIFICATION: Check = must(
    "notification.error",
    "error notification",
    "the response to data with error and error_message is {\"data\":{\"acknowledged\":true}}, encrypted like \
     any response",
    NOTIFICATION_PAGE,
    "check for the string data.error before handling the screen; encrypt the acknowledgement",
);
pub(super) const NOTIFICATION_KEY: Check = should(must(
    "notification.error-key",
    "error notification by error_key",
    "an error notification may use error_key instead of error: it is acknowledged as well",
    NOTIFICATION_PAGE,
    "check for data.error_key as well as data.error: Meta's page uses both names",
));
pub(super) const NOTIFICATION_INIT: Check = must(
    "notification.error-init",
    "error notification with INIT",
    "an error notification has the action data_exchange or INIT: both are acknowledged",
    NOTIFICATION_PAGE,
    "check for data.error before the action, not only for data_exchange",
);
pub(super) const RAW_BYTES: Check = must(
    "signature.raw-bytes",
    "signature over the raw bytes",
    "the signature covers the received bytes of the body: other white space and member order are valid",
    SIGNATURE,
    "compute the HMAC over the received bytes, before parsing; never over re-serialised JSON",
);
pub(super) const UNKNOWN_MEMBERS: Check = must(
    "envelope.unknown-members",
    "unknown members",
    "members of the envelope other than the three are ignored",
    ENDPOINT,
    "read the three members and ignore the rest",
);
pub(super) const ESCAPED_SLASHES: Check = must(
    "envelope.escaped-slashes",
    "slashes escaped as \\/",
    "slashes in the base64 strings may be escaped as \\/, as JSON allows",
    "Meta, Implementing endpoints for Flows: sample request; RFC 8259, section 7",
    "read the body with a JSON parser, not with string operations",
);
pub(super) const VERSION: Check = should(must(
    "envelope.version",
    "data API 4.0",
    "the responses to INIT, data_exchange and a ping of data API version 4.0 are the same as for 3.0",
    "Meta, Flows changelog: 11 November 2025",
    "do not compare version with 3.0, for any action",
));
pub(super) const TOKEN_SIGNATURE: Check = should(must(
    "envelope.token-signature",
    "flow_token_signature",
    "a request of data API version 4.0 carries flow_token_signature, an HS256 JWT keyed with the app secret, \
     and gets the same response as one of 3.0",
    "Meta, Implementing endpoints for Flows: flow_token_signature",
    "ignore unknown members, or verify this one: HS256, keyed with the app secret",
));
pub(super) const LARGE: Check = must(
    "size.large",
    "request of 1 MB",
    "a request may carry 1 MB of data, which is 1.4 MB as base64",
    "Meta, Implementing endpoints for Flows: payload limit",
    "raise the limit of the request body to 2 MB: many frameworks default to 100 KB or 1 MB",
);
pub(super) const OVERSIZE: Check = must(
    "size.oversize",
    "request of 8 MB",
    "a body far above every limit is refused with 413 or a closed connection; it neither hangs nor crashes \
     the endpoint",
    "RFC 9110, section 15.5.14",
    "limit the request body to 2 MB before reading it",
);
pub(super) const TAMPERED_TAG: Check = must(
    "undecryptable.tampered-tag",
    "modified tag",
    "a request that was modified in transit cannot be decrypted: status 421",
    STATUS,
    CANNOT_DECRYPT,
);
pub(super) const FOREIGN_KEY: Check = must(
    "undecryptable.foreign-key",
    "another public key",
    "a request that was encrypted for another key gets 421, so that the client fetches the key again",
    STATUS,
    CANNOT_DECRYPT,
);
pub(super) const SHORT_DATA: Check = must(
    "undecryptable.short-data",
    "data shorter than the tag",
    "data shorter than the 16 bytes of the tag gets 421",
    STATUS,
    CANNOT_DECRYPT,
);
pub(super) const EMPTY_MEMBERS: Check = must(
    "undecryptable.empty-members",
    "empty strings",
    "three empty strings get 421",
    STATUS,
    CANNOT_DECRYPT,
);
pub(super) const BAD_BASE64: Check = must(
    "undecryptable.bad-base64",
    "invalid base64",
    "strings that are not base64 get 421",
    STATUS,
    CANNOT_DECRYPT,
);
pub(super) const KEY_LENGTH: Check = must(
    "undecryptable.key-length",
    "AES key of 255 bytes",
    "an encrypted AES key that is not 256 bytes long gets 421",
    STATUS,
    CANNOT_DECRYPT,
);
pub(super) const VECTOR_LENGTH: Check = must(
    "undecryptable.iv-length",
    "initial vector of 12 bytes",
    "an initial vector that is not 16 bytes long gets 421",
    STATUS,
    CANNOT_DECRYPT,
);
pub(super) const UNSIGNED: Check = must(
    "signature.missing",
    "no signature",
    "a request without X-Hub-Signature-256 gets 432",
    SIGNATURE,
    CHECK_SIGNATURE,
);
pub(super) const SHORT_SIGNATURE: Check = must(
    "signature.too-short",
    "short signature",
    "a truncated signature gets 432",
    SIGNATURE,
    CHECK_SIGNATURE,
);
pub(super) const WRONG_SIGNATURE: Check = must(
    "signature.wrong",
    "signature of another secret",
    "a signature computed with another secret gets 432",
    SIGNATURE,
    CHECK_SIGNATURE,
);
pub(super) const EMPTY_SECRET: Check = must(
    "signature.empty-secret",
    "signature of the empty secret",
    "a signature computed with an empty secret gets 432",
    SIGNATURE,
    "set the app secret, and refuse to start without one: an unset variable must not become an empty key",
);
pub(super) const OTHER_PREFIX: Check = should(must(
    "signature.other-prefix",
    "signature with another prefix",
    "the correct digest after sha1= gets 432",
    SIGNATURE,
    CHECK_SIGNATURE,
));
pub(super) const OTHER_JSON: Check = must(
    "envelope.other-json",
    "JSON that is not an envelope",
    "JSON without the three members is refused with a 4xx status, never 5xx",
    ROBUSTNESS,
    NO_ENVELOPE,
);
pub(super) const NO_JSON: Check = must(
    "envelope.no-json",
    "not JSON",
    "a body that is not JSON is refused with a 4xx status, never 5xx",
    ROBUSTNESS,
    NO_ENVELOPE,
);
pub(super) const METHOD: Check = should(must(
    "http.method",
    "GET",
    "a GET request gets 405",
    "RFC 9110, section 15.5.6",
    "route POST only",
));
pub(super) const TLS: Check = must(
    "http.tls",
    "https",
    "the endpoint is served over https with a certificate that the system's authorities trust",
    "Meta, Implementing endpoints for Flows: Set up the endpoint",
    "put TLS with a public certificate in front of the endpoint",
);
pub(super) const KEEP_ALIVE: Check = should(must(
    "http.keep-alive",
    "connections are reused",
    "several requests are sent over one connection",
    "RFC 9112, section 9.3",
    "keep connections open: each new one costs round trips that count as the endpoint's latency",
));
pub(super) const LATENCY: Check = must(
    "latency.limit",
    "responses within 10 s",
    "the client times out after ten seconds",
    "Meta, Implementing endpoints for Flows: Response time",
    "respond sooner, and do slow work after the response",
);
pub(super) const ALERTS: Check = should(must(
    "latency.alerts",
    "p90 below the alert thresholds",
    "Meta sends alerts when the p90 latency exceeds 1, 5 and 7 seconds, and then throttles the Flow",
    HEALTH,
    "profile the endpoint: parse the private key once, keep connections open, serve near Meta's regions",
));

pub(super) const ALL: &[Check] = &[
    PING,
    OAEP,
    VECTOR,
    ENCODING,
    ENCRYPTION,
    CONTENT_TYPE,
    INIT,
    DATA_EXCHANGE,
    BACK,
    NOTIFICATION,
    NOTIFICATION_KEY,
    NOTIFICATION_INIT,
    UNSIGNED,
    SHORT_SIGNATURE,
    WRONG_SIGNATURE,
    EMPTY_SECRET,
    OTHER_PREFIX,
    RAW_BYTES,
    TAMPERED_TAG,
    FOREIGN_KEY,
    SHORT_DATA,
    EMPTY_MEMBERS,
    BAD_BASE64,
    KEY_LENGTH,
    VECTOR_LENGTH,
    UNKNOWN_MEMBERS,
    ESCAPED_SLASHES,
    VERSION,
    TOKEN_SIGNATURE,
    OTHER_JSON,
    NO_JSON,
    LARGE,
    OVERSIZE,
    METHOD,
    TLS,
    KEEP_ALIVE,
    LATENCY,
    ALERTS,
];
