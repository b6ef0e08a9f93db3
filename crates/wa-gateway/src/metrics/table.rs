//! The table of all metrics, used for registration and documentation.

use std::fmt::Write as _;

use wa_flows::Refusal;

/// Prefix of every name.
pub(crate) const PREFIX: &str = "wa_gateway";

/// A metric, as documented.
pub(crate) struct Described {
    /// Its name without the prefix; a counter's without `_total`.
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) labels: &'static str,
    /// Without the full stop, which the text format adds.
    pub(crate) help: &'static str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Counter,
    Gauge,
    Histogram,
}

use Kind::{Counter, Gauge, Histogram};

pub(crate) const EXCHANGES: Described = Described {
    name: "exchanges",
    kind: Counter,
    labels: "endpoint, action (`ping`, `INIT`, `BACK`, `data_exchange`, `error_notification`, `other`, `unknown` if not decrypted), status",
    help: "Exchanges by the action of the phone and the HTTP status of the response",
};
pub(crate) const REFUSALS: Described = Described {
    name: "refusals",
    kind: Counter,
    labels: "endpoint, reason",
    help: "Refused exchanges, by reason",
};
pub(crate) const TOTAL: Described = Described {
    name: "exchange_duration_seconds",
    kind: Histogram,
    labels: "endpoint",
    help: "Time of an exchange, from the head of the request to the response",
};
pub(crate) const DECRYPT: Described = Described {
    name: "decrypt_duration_seconds",
    kind: Histogram,
    labels: "endpoint",
    help: "Time to decrypt a request, including the time in the queue",
};
pub(crate) const UPSTREAM: Described = Described {
    name: "upstream_duration_seconds",
    kind: Histogram,
    labels: "endpoint",
    help: "Time of a request to the upstream, including the connection",
};
pub(crate) const UPSTREAM_REQUESTS: Described = Described {
    name: "upstream_requests",
    kind: Counter,
    labels: "endpoint, outcome (`answered`, `bad_schema` if the phone cannot show the response because `screen` or `data` is missing, `token_invalid`, `bad_status`, `bad_json`, `too_large`, `broken`, `unreachable`, `timed_out`, `abandoned` if the gateway stopped first)",
    help: "Requests to the upstream, by outcome",
};
pub(crate) const UPSTREAM_RETRIES: Described = Described {
    name: "upstream_retries",
    kind: Counter,
    labels: "endpoint",
    help: "Second attempts to connect to the upstream",
};
pub(crate) const ERROR_NOTIFICATIONS: Described = Described {
    name: "error_notifications",
    kind: Counter,
    labels: "endpoint, error (an error key that Meta documents, such as `response-decryption-error`; else `other`)",
    help: "Error notifications from phones",
};
pub(crate) const REPEATS: Described = Described {
    name: "repeats",
    kind: Counter,
    labels: "endpoint",
    help: "Identical requests that got the response of the first one; they also count as exchanges",
};
pub(crate) const REPLAY_STORE_FAILURES: Described = Described {
    name: "replay_store_failures",
    kind: Counter,
    labels: "",
    help: "Exchanges for which the replay store did not respond within 50 ms, so that the gateway used its own memory",
};
pub(crate) const KEY_OPENED: Described = Described {
    name: "key_opened",
    kind: Counter,
    labels: "endpoint, fingerprint",
    help: "Requests decrypted with a key since it was loaded; a previous key whose count no longer grows can be removed",
};
pub(crate) const KEY_LAST_OPENED: Described = Described {
    name: "key_last_opened_timestamp_seconds",
    kind: Gauge,
    labels: "endpoint, fingerprint",
    help: "Time of the last request decrypted with a key, in seconds since 1970; 0 if there was none",
};
pub(crate) const KEY_STATE: Described = Described {
    name: "key_state",
    kind: Gauge,
    labels: "endpoint, fingerprint, state (`primary`, `enabled`, `pending`)",
    help: "Always 1; shows the state of each key in use",
};
pub(crate) const KEY_STORE_UP: Described = Described {
    name: "key_store_up",
    kind: Gauge,
    labels: "",
    help: "1 if the last read of the key store succeeded; at 0, the gateway serves the keys that it has",
};
pub(crate) const KEY_STORE_LAST_READ: Described = Described {
    name: "key_store_last_read_timestamp_seconds",
    kind: Gauge,
    labels: "",
    help: "Time of the last successful read of the key store, in seconds since 1970; 0 if there was none",
};
pub(crate) const KEY_STORE_RECORDED: Described = Described {
    name: "key_store_recorded",
    kind: Gauge,
    labels: "",
    help: "1 if the last write of the record of this instance succeeded; rotations wait for this record",
};
pub(crate) const KEY_SET_EVENT: Described = Described {
    name: "key_set_last_event",
    kind: Gauge,
    labels: "set",
    help: "Number of the last event of a key set that the gateway has read",
};
pub(crate) const KEY_SET_UNOPENED: Described = Described {
    name: "key_set_unopened_keys",
    kind: Gauge,
    labels: "set",
    help: "Keys of a key set that should be served and cannot be opened, for example with the given passphrases",
};
pub(crate) const KEY_SET_OLDER: Described = Described {
    name: "key_set_older",
    kind: Gauge,
    labels: "set",
    help: "1 if the log of a key set is older than one that was read before, so that it is not followed",
};
pub(crate) const KEYS: Described = Described {
    name: "keys",
    kind: Gauge,
    labels: "endpoint",
    help: "Keys in use; at 0, every request gets 421",
};
pub(crate) const REVOKED: Described = Described {
    name: "revoked_keys",
    kind: Gauge,
    labels: "endpoint",
    help: "Fingerprints in `revoked.txt`, even if no file has that key",
};
pub(crate) const IN_FLIGHT: Described = Described {
    name: "exchanges_in_flight",
    kind: Gauge,
    labels: "endpoint",
    help: "Exchanges in flight",
};
pub(crate) const CONNECTIONS: Described = Described {
    name: "connections",
    kind: Gauge,
    labels: "",
    help: "Open connections",
};
pub(crate) const EVICTED: Described = Described {
    name: "evicted_connections",
    kind: Counter,
    labels: "",
    help: "Connections without a signed request in flight that were closed for a new one, because `limits.connections` were open",
};
pub(crate) const SHED: Described = Described {
    name: "shed",
    kind: Counter,
    labels: "reason (`exchanges`, `connections`)",
    help: "Exchanges and connections that got 503 immediately because a limit was reached",
};
pub(crate) const NOT_FOUND: Described = Described {
    name: "not_found",
    kind: Counter,
    labels: "",
    help: "Requests to a path without an endpoint, which got 404",
};
pub(crate) const CERTIFICATE: Described = Described {
    name: "certificate_not_after_timestamp_seconds",
    kind: Gauge,
    labels: "",
    help: "Expiry of the TLS certificate, in seconds since 1970; absent without TLS",
};
pub(crate) const HANDSHAKES: Described = Described {
    name: "tls_handshake_failures",
    kind: Counter,
    labels: "",
    help: "TLS handshakes that failed or timed out: port scanners, or clients that do not trust the certificate",
};
pub(crate) const RELOADS: Described = Described {
    name: "reloads",
    kind: Counter,
    labels: "what (`keys`, `certificate`, `configuration`), result (`ok`, `failed`)",
    help: "Reloads of files; after a failure, the previous state stays in use",
};
pub(crate) const MEDIA: Described = Described {
    name: "media_decryptions",
    kind: Counter,
    labels: "result (`ok`, `bad_request`, `refused`, `failed`)",
    help: "Requests to decrypt a media file",
};
pub(crate) const LOG_LINES_DROPPED: Described = Described {
    name: "log_lines_dropped",
    kind: Counter,
    labels: "",
    help: "Log lines that were dropped because the output was not read in time or could not be written",
};
pub(crate) const BUILD: Described = Described {
    name: "build",
    kind: Gauge,
    labels: "version",
    help: "Always 1; the version is in the label",
};

static ALL: &[&Described] = &[
    &EXCHANGES,
    &REFUSALS,
    &TOTAL,
    &DECRYPT,
    &UPSTREAM,
    &UPSTREAM_REQUESTS,
    &UPSTREAM_RETRIES,
    &ERROR_NOTIFICATIONS,
    &REPEATS,
    &REPLAY_STORE_FAILURES,
    &KEY_OPENED,
    &KEY_LAST_OPENED,
    &KEY_STATE,
    &KEY_STORE_UP,
    &KEY_STORE_LAST_READ,
    &KEY_STORE_RECORDED,
    &KEY_SET_EVENT,
    &KEY_SET_UNOPENED,
    &KEY_SET_OLDER,
    &KEYS,
    &REVOKED,
    &IN_FLIGHT,
    &CONNECTIONS,
    &EVICTED,
    &SHED,
    &NOT_FOUND,
    &CERTIFICATE,
    &HANDSHAKES,
    &RELOADS,
    &MEDIA,
    &LOG_LINES_DROPPED,
    &BUILD,
];

impl Described {
    /// Returns the name as scraped.
    fn full_name(&self) -> String {
        let suffix = if self.kind == Counter { "_total" } else { "" };
        format!("{PREFIX}_{}{suffix}", self.name)
    }
}

/// Returns the usual causes of a refusal and what to check.
fn remedy(refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::MethodNotAllowed | Refusal::UnsupportedMediaType => {
            "Not WhatsApp, or a proxy that changes requests."
        }
        Refusal::BodyTooLarge => "Not WhatsApp, or `limits.body` is too small.",
        Refusal::BodyBroken => "The client or a proxy closed the connection, or the transfer was malformed.",
        Refusal::BodyTooSlow => "The body did not arrive in time: check the network and the proxy.",
        Refusal::BadSignature => {
            "`X-Hub-Signature-256` is missing or invalid: compare the app secret, and check whether a proxy rewrites bodies. Scanners cause it too."
        }
        Refusal::BadTokenSignature => {
            "The `flow_token_signature` is invalid, or missing although `required`: compare the app secret."
        }
        Refusal::Replayed => {
            "A request with the same key and IV was handled before: a proxy that retries too late or at another gateway, or recorded requests."
        }
        Refusal::NoEnvelope => {
            "Signed, but not an encrypted Flow request: another webhook of the app uses this URL."
        }
        Refusal::Undecryptable => {
            "No key decrypts it: compare the fingerprint of `wa encryption get` with those of `wa gateway --check`."
        }
        Refusal::NotAFlowRequest => "The decrypted payload is not a Flow request: check what sends it.",
        Refusal::Overloaded => {
            "`limits.in_flight` is reached, or the decryption queue is too long: use more cores, or a faster upstream."
        }
        Refusal::HandlerUnavailable => "Two attempts to connect to the upstream failed.",
        Refusal::HandlerFailed => {
            "The upstream returned another status, a body that is not a JSON object or is too large, or an incomplete response: `wa_gateway_upstream_requests_total` shows which."
        }
        Refusal::HandlerTimedOut => "The upstream took longer than `upstream_timeout`.",
        Refusal::ClientLeft => {
            "The client disconnected first, or its exchange was cut off at the end of a drain."
        }
        _ => "",
    }
}

/// Returns the reference of all metrics as Markdown: a table of metrics, and one of refusal reasons.
pub fn metrics_reference() -> String {
    let mut page = String::from("| metric | type | labels | meaning |\n|---|---|---|---|\n");
    for metric in ALL {
        let kind = match metric.kind {
            Counter => "counter",
            Gauge => "gauge",
            Histogram => "histogram",
        };
        let labels = if metric.labels.is_empty() {
            "–"
        } else {
            metric.labels
        };
        // Writing to a String cannot fail.
        let _ = writeln!(
            page,
            "| `{}` | {kind} | {labels} | {}. |",
            metric.full_name(),
            metric.help
        );
    }
    page.push_str(
        "\n## Reasons of refusals\n\nThe label `reason` of the metric, and the field `refusal` in the log.\n\n\
         | reason | status | cause and what to check |\n|---|---|---|\n",
    );
    for refusal in Refusal::ALL {
        let _ = writeln!(
            page,
            "| `{}` | {} | {} |",
            refusal.label(),
            refusal.status().as_u16(),
            remedy(refusal)
        );
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_outcome_of_a_request_to_the_upstream_is_documented() {
        for outcome in crate::upstream::OUTCOMES {
            assert!(
                UPSTREAM_REQUESTS.labels.contains(&format!("`{outcome}`")),
                "{outcome}"
            );
        }
    }

    #[test]
    fn every_reason_of_a_refusal_is_explained() {
        for refusal in Refusal::ALL {
            assert!(remedy(refusal).ends_with('.'), "{}", refusal.label());
        }
    }
}
