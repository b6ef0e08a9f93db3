//! What to do about a failure, from its classification alone.

use http::StatusCode;

use super::{ApiError, GraphErrorKind, TransportErrorKind};
use crate::code::KnownSubcode;

pub(super) fn of(kind: &GraphErrorKind) -> Option<&'static str> {
    match kind {
        GraphErrorKind::Api(api) | GraphErrorKind::RateLimited(Some(api)) => of_api(api),
        GraphErrorKind::RateLimited(None) => {
            Some("Wait before the next call (further calls make the wait longer), then go on more slowly.")
        }
        GraphErrorKind::Transport(error) => of_transport(error.kind()),
        GraphErrorKind::Redirect { .. } => Some(
            "Set the base URL to the host that answers itself, by default https://graph.facebook.com; a login page of a \
             network or a proxy also answers with redirects.",
        ),
        GraphErrorKind::Unexpected(answer) if answer.status().is_server_error() => Some(
            "Something between here and Graph answered in its place, or Graph has trouble. Try again in a few minutes.",
        ),
        GraphErrorKind::Unexpected(answer) if answer.status() == StatusCode::NOT_FOUND => {
            Some("Check the base URL and the API version: the server knows no such path.")
        }
        GraphErrorKind::Unexpected(_) => {
            Some("Check that the base URL is that of a Graph API and that no proxy answers in its place.")
        }
        GraphErrorKind::PagingLoop => Some("Ask again; if it lasts, give Meta's support the fbtrace_id."),
    }
}

pub(super) fn of_api(api: &ApiError) -> Option<&'static str> {
    if api.is_not_eligible() {
        return Some(
            "The number is not eligible for encryption: register it with Cloud API (POST /PHONE_NUMBER_ID/register) and \
             see that its account is approved, then set the key again.",
        );
    }
    if api.needs_app_secret_proof() {
        return Some(
            "The app demands a proof of its secret with every call: give the secret of the app that the token is of \
             (WA_APP_SECRET).",
        );
    }
    api.known_subcode()
        .map(KnownSubcode::remedy)
        .or_else(|| api.code().remedy())
}

fn of_transport(kind: TransportErrorKind) -> Option<&'static str> {
    match kind {
        TransportErrorKind::Connect => Some(
            "Check the network, the base URL and the proxy settings (HTTPS_PROXY, NO_PROXY): nothing was sent.",
        ),
        TransportErrorKind::Tls => Some(
            "The server's certificate is not trusted here or it does not speak TLS. Behind a proxy that opens TLS, add its \
             root certificate; check the machine's clock.",
        ),
        TransportErrorKind::Timeout => {
            Some("Try again; if it lasts, raise the timeout. Setting the same key twice does no harm.")
        }
        TransportErrorKind::Interrupted => Some("Try again. Setting the same key twice does no harm."),
        TransportErrorKind::Encoding => Some(
            "Try again; if it lasts, check the proxy between here and Graph: its compression (gzip) or chunking is broken.",
        ),
        TransportErrorKind::TooLarge => {
            Some("Check that the base URL is that of a Graph API, or raise the limit.")
        }
        TransportErrorKind::Request => None,
    }
}
