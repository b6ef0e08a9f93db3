//! What to do about a status that WhatsApp shows a generic error for.

/// In general; what a message of one kind makes of it is its sender's knowledge.
pub(crate) fn of_status(status: u16) -> Option<&'static str> {
    Some(match status {
        300..=399 => "redirects are not followed: give the URL that it leads to",
        401 | 403 => {
            "something refuses it before the endpoint does, a firewall or a login: let POST through to this path"
        }
        404 => "nothing is at this path: check the URL",
        405 => "the path takes no POST: route POST to the endpoint",
        421 => "the endpoint cannot decrypt: compare its private key with this public key",
        432 => {
            "the signature is not accepted: compare the app secret with that of the app that is connected to the Flow, and compute the HMAC over the raw body"
        }
        502 | 504 => "what stands before the endpoint cannot reach it: look whether it runs",
        503 => "overloaded, or its backend is down: look at its log",
        500..=599 => "the endpoint failed: look at its log",
        _ => return None,
    })
}
