//! Remedies for statuses that WhatsApp shows as a generic error.

/// Returns the general remedy. A caller can have a more specific one for a certain kind of message.
///
/// `is_own` is true if the response has an exchange id (`x-exchange-id`), as endpoints built with this
/// workspace do: then it came from the endpoint, not from a proxy in front of it.
pub(crate) fn of_status(status: u16, is_own: bool) -> Option<&'static str> {
    Some(match status {
        300..=399 => "redirects are not followed: use the URL that the redirect points to",
        401 | 403 => {
            "the signature is refused: the key of the HMAC must be the app secret, not the webhook's verify \
             token or another app's secret; if the endpoint's log does not show the request, a firewall or \
             an authentication proxy refused it first: allow POST to this path"
        }
        404 => "nothing is at this path: check the URL",
        405 => "the path does not accept POST: route POST to the endpoint",
        421 => "the endpoint cannot decrypt the request: compare its private key with this public key",
        432 => {
            "the signature is refused: compare the app secret with that of the app that is connected to the \
             Flow, and compute the HMAC over the raw body"
        }
        504 if is_own => {
            "the endpoint's handler or the gateway's upstream was too slow: find the exchange in the \
             endpoint's log, and respond sooner"
        }
        504 => {
            "the endpoint's own backend was too slow, or a proxy in front of the endpoint got no response \
             from it in time: check the endpoint's log first, then the proxy's"
        }
        502 if !is_own => {
            "a proxy in front of the endpoint cannot reach it, or the endpoint cannot reach its own backend: \
             check that both run"
        }
        503 => "the endpoint is overloaded, or its backend is down: check its log",
        500..=599 => "the endpoint failed: check its log",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_remedy_of_a_504_names_the_slow_backend_before_the_proxy() {
        let own = of_status(504, true).unwrap();
        assert!(own.contains("upstream") && !own.contains("proxy"), "{own}");
        let unknown = of_status(504, false).unwrap();
        let (backend, proxy) = (unknown.find("backend").unwrap(), unknown.find("proxy").unwrap());
        assert!(backend < proxy, "{unknown}");
    }

    #[test]
    fn the_remedy_of_a_401_names_the_secret_before_the_firewall() {
        let remedy = of_status(401, false).unwrap();
        assert!(remedy.find("verify token").unwrap() < remedy.find("firewall").unwrap());
    }
}
