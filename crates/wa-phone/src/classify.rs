//! Classifies the errors of the HTTP and TLS libraries.

use std::error::Error;
use std::io;

use hyper_util::client::legacy;
use rustls::{AlertDescription, CertificateError};

use crate::transport::SendError;

type Source = Box<dyn Error + Send + Sync>;

/// Why TLS failed, and the remedy.
enum Fault {
    Certificate(&'static str, Option<&'static str>),
    Handshake(&'static str, &'static str),
}

pub(crate) fn classify(source: Source, is_https: bool) -> SendError {
    let tls = find::<rustls::Error>(&*source).map(|error| match error {
        rustls::Error::InvalidCertificate(error) => certificate(error),
        other => handshake(other),
    });
    let is_http = !find::<hyper::Error>(&*source).is_some_and(hyper::Error::is_parse);
    match tls {
        Some(Fault::Certificate(reason, remedy)) => SendError::Certificate {
            reason,
            remedy,
            source,
        },
        Some(Fault::Handshake(reason, remedy)) => SendError::Tls {
            reason,
            remedy,
            source,
        },
        None if is_http && was_connected(&*source) => SendError::Closed { source },
        None if is_http => SendError::Connection { source },
        None if is_https => SendError::NotHttp {
            spoken: "HTTP/1.1",
            remedy: "check the port",
            source,
        },
        None => SendError::NotHttp {
            spoken: "plain HTTP",
            remedy: "try https",
            source,
        },
    }
}

/// Returns whether the connection was established when the request failed. A request that the client refuses
/// to send does not count.
fn was_connected(source: &(dyn Error + 'static)) -> bool {
    find::<hyper::Error>(source).is_some()
        && !find::<legacy::Error>(source).is_some_and(legacy::Error::is_connect)
}

fn certificate(error: &CertificateError) -> Fault {
    let (reason, remedy) = match error {
        CertificateError::UnknownIssuer => (
            "no trusted authority issued it",
            "serve the whole chain, from a public certificate authority",
        ),
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => ("it has expired", "renew it"),
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            ("it is not valid yet", "compare the clocks")
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => (
            "it is for another host name",
            "issue one with the name of this URL in its subjectAltName",
        ),
        // The error's type belongs to a library that is not a dependency, so only its name is available.
        CertificateError::Other(other) if format!("{other:?}").contains("CaUsedAsEndEntity") => (
            "it is the certificate of an authority, not of a server",
            "issue one with -addext basicConstraints=critical,CA:FALSE -addext subjectAltName=DNS:localhost",
        ),
        _ => return Fault::Certificate("no client accepts it", None),
    };
    Fault::Certificate(reason, Some(remedy))
}

fn handshake(error: &rustls::Error) -> Fault {
    let (reason, remedy) = match error {
        rustls::Error::InvalidMessage(_) => ("the server does not speak TLS", "try http, or check the port"),
        rustls::Error::AlertReceived(AlertDescription::CertificateRequired) => (
            "the endpoint requires a client certificate",
            "do not require one, WhatsApp has none for it",
        ),
        rustls::Error::AlertReceived(AlertDescription::ProtocolVersion) => (
            "the endpoint supports no current version of TLS",
            "enable TLS 1.2 and 1.3",
        ),
        _ => (
            "the endpoint and the client have no TLS parameters in common",
            "check the endpoint's TLS settings",
        ),
    };
    Fault::Handshake(reason, remedy)
}

/// Returns the first error of this type among an error and its causes.
fn find<'a, E: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a E> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        // `io::Error::source` skips the error that it wraps and returns that error's source.
        let inner = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        next = match inner {
            Some(inner) => Some(inner),
            None => error.source(),
        };
    }
    None
}
