//! The check of the `Host` header on the admin address.
//!
//! The owner of a web page can make its host name resolve to a loopback or private address; the browser then
//! lets the page read what is served there (DNS rebinding). `Host` still carries the name of the page, so
//! requests with unknown names are refused.

use std::net::IpAddr;

use http::header::HOST;
use http::uri::Authority;
use http::{HeaderValue, Request};

use crate::config::HostName;

pub(super) const REFUSED: &str = "the Host header does not name a host of this admin address: use its IP address or localhost, \
    or add the name to `hosts` in the table [admin] of the configuration\n";

/// Returns true if every host that the request names is an IP address, `localhost` or one of `names`. Every
/// browser sends a host, so a request without one is allowed.
pub(super) fn is_allowed<B>(request: &Request<B>, names: &[HostName]) -> bool {
    let header = request.headers().get_all(HOST).iter().map(HeaderValue::as_bytes);
    let target = request.uri().authority().map(|target| target.as_str().as_bytes());
    header.chain(target).all(|host| is_known(host, names))
}

fn is_known(host: &[u8], names: &[HostName]) -> bool {
    let Ok(authority) = Authority::try_from(host) else {
        return false;
    };
    let host = authority.host();
    let address = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
        .unwrap_or(host);
    let name = host.strip_suffix('.').unwrap_or(host);
    address.parse::<IpAddr>().is_ok()
        || name.eq_ignore_ascii_case("localhost")
        || names.iter().any(|known| known.is(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Kind as _;

    fn allowed(uri: &str, hosts: &[&str]) -> bool {
        let request = hosts
            .iter()
            .fold(Request::get(uri), |request, host| request.header(HOST, *host));
        let names = [HostName::from_text("Metrics.internal.").unwrap()];
        is_allowed(&request.body(()).unwrap(), &names)
    }

    #[test]
    fn only_addresses_localhost_and_configured_names_are_allowed() {
        for host in [
            "127.0.0.1:9464",
            "10.1.2.3",
            "[::1]:9464",
            "localhost:9464",
            "LocalHost.",
            "metrics.internal:9464",
            "METRICS.INTERNAL.",
        ] {
            assert!(allowed("/metrics", &[host]), "{host}");
        }
        for host in [
            "",
            "evil.example:9464",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "evil.localhost",
            "127.1",
            "x.metrics.internal",
            "metrics",
            "a b",
        ] {
            assert!(!allowed("/metrics", &[host]), "{host}");
        }
        assert!(allowed("/metrics", &[]));
        assert!(!allowed("/metrics", &["localhost", "evil.example"]));
        assert!(!allowed("http://evil.example/metrics", &["localhost"]));
    }
}
