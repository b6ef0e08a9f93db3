//! Why there is no answer, told apart as far as the libraries below know it.

use std::error::Error;
use std::io;

use hyper_util::client::legacy;
use rustls::{AlertDescription, CertificateError};

use super::transport::DeliveryFailure;

type Source = Box<dyn Error + Send + Sync>;

pub(super) fn told_apart(source: Source, is_https: bool) -> DeliveryFailure {
    let tls = find::<rustls::Error>(&*source).map(|error| match error {
        rustls::Error::InvalidCertificate(error) => (true, certificate(error)),
        other => (false, handshake(other)),
    });
    let is_http = !find::<hyper::Error>(&*source).is_some_and(hyper::Error::is_parse);
    match tls {
        Some((true, reason)) => DeliveryFailure::Certificate { reason, source },
        Some((false, reason)) => DeliveryFailure::Tls { reason, source },
        None if is_http && was_connected(&*source) => DeliveryFailure::Closed { source },
        None if is_http => DeliveryFailure::Connection { source },
        None if is_https => DeliveryFailure::NotHttp {
            spoken: "HTTP/1.1",
            remedy: "check the port",
            source,
        },
        None => DeliveryFailure::NotHttp {
            spoken: "plain HTTP",
            remedy: "try https",
            source,
        },
    }
}

/// Whether the request was on its way when it failed. What the client refused to send never was.
fn was_connected(source: &(dyn Error + 'static)) -> bool {
    find::<hyper::Error>(source).is_some()
        && !find::<legacy::Error>(source).is_some_and(legacy::Error::is_connect)
}

fn certificate(error: &CertificateError) -> &'static str {
    match error {
        CertificateError::UnknownIssuer => {
            "no authority that is trusted here vouches for it; serve the whole chain, from an authority that everybody trusts"
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => "it has expired: renew it",
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "it is not valid yet: compare the clocks"
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "it is for another host name: make it with the name of this URL in its subjectAltName"
        }
        // The library that knows it is not one of ours, so its name is all there is.
        CertificateError::Other(other) if format!("{other:?}").contains("CaUsedAsEndEntity") => {
            "it is one of an authority, not of a server: make it with -addext basicConstraints=critical,CA:FALSE -addext subjectAltName=DNS:localhost"
        }
        _ => "no client accepts it",
    }
}

fn handshake(error: &rustls::Error) -> &'static str {
    match error {
        rustls::Error::InvalidMessage(_) => "what answers does not speak TLS: try http, or check the port",
        rustls::Error::AlertReceived(AlertDescription::CertificateRequired) => {
            "the endpoint demands a certificate of the client's: do not, WhatsApp has none for it"
        }
        rustls::Error::AlertReceived(AlertDescription::ProtocolVersion) => {
            "the endpoint speaks no version of TLS that is in use: turn on TLS 1.2 and 1.3"
        }
        _ => "the endpoint and the client agree on nothing: look at its settings for TLS",
    }
}

/// The first error of this type among an error and its causes.
fn find<'a, E: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a E> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        // An io::Error is silent about what it is made of, and names the cause of that as its own.
        let inner = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        next = match inner {
            Some(inner) => Some(inner),
            None => error.source(),
        };
    }
    None
}
