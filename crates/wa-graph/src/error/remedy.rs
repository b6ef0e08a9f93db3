//! Remedies for classified failures.

use http::StatusCode;

use super::{ApiError, GraphErrorKind, TransportErrorKind};
use crate::code::KnownSubcode;

pub(super) fn of(kind: &GraphErrorKind) -> Option<&'static str> {
    match kind {
        GraphErrorKind::Api(api) | GraphErrorKind::RateLimited(Some(api)) => of_api(api),
        GraphErrorKind::RateLimited(None) => {
            Some("Wait before the next call (further calls prolong the limit), then continue more slowly.")
        }
        GraphErrorKind::Held { .. } => {
            Some("Call again when the limit has ended; calls before that would prolong it.")
        }
        GraphErrorKind::Transport(error) => of_transport(error.kind()),
        GraphErrorKind::Redirect { .. } => Some(
            "Set the base URL to a Graph host, by default https://graph.facebook.com. A network's login \
             page or a proxy also causes redirects.",
        ),
        GraphErrorKind::Unexpected(response) if response.status().is_server_error() => Some(
            "A proxy responded in place of Graph, or Graph failed temporarily. Try again in a few minutes.",
        ),
        GraphErrorKind::Unexpected(response) if response.status() == StatusCode::NOT_FOUND => {
            Some("Check the base URL and the API version: the server has no such path.")
        }
        GraphErrorKind::Unexpected(_) => {
            Some("Check that the base URL is that of a Graph API and that no proxy responds in its place.")
        }
        GraphErrorKind::PagingLoop => {
            Some("Repeat the call; if the failure persists, give Meta's support the fbtrace_id.")
        }
    }
}

pub(super) fn of_api(api: &ApiError) -> Option<&'static str> {
    if api.is_not_eligible() {
        return Some(
            "The number is not eligible for encryption: register it with Cloud API (POST \
             /PHONE_NUMBER_ID/register) and check that its account is approved, then set the key again.",
        );
    }
    if api.needs_app_secret_proof() {
        return Some(
            "The app requires appsecret_proof with every call: set the secret of the app to which the \
             token belongs (WA_APP_SECRET).",
        );
    }
    api.known_subcode()
        .map(KnownSubcode::remedy)
        .or_else(|| api.code().remedy())
}

pub(super) fn of_transport(kind: TransportErrorKind) -> Option<&'static str> {
    match kind {
        TransportErrorKind::Connect => Some(
            "Check the network, the base URL and the proxy settings (HTTPS_PROXY, NO_PROXY): nothing was \
             sent.",
        ),
        TransportErrorKind::Tls => Some(
            "The server's certificate is not trusted, or the server does not use TLS. Behind a proxy that \
             intercepts TLS, add its root certificate. Check the machine's clock.",
        ),
        TransportErrorKind::Timeout => Some(
            "Try again; if the failure persists, increase the timeout. Setting the same key twice does no \
             harm.",
        ),
        TransportErrorKind::Interrupted => Some("Try again. Setting the same key twice does no harm."),
        TransportErrorKind::Encoding => Some(
            "Try again; if the failure persists, check for a proxy whose compression (gzip) or chunking is \
             broken.",
        ),
        TransportErrorKind::TooLarge => {
            Some("Check that the base URL is that of a Graph API, or increase the limit.")
        }
        TransportErrorKind::Request => None,
    }
}
