//! Certificates of endpoints, and why a connection was refused.

use std::error::Error;
use std::io;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustls::CertificateError;
use x509_cert::Certificate;
use x509_cert::der::Decode;

use super::check::Check;
use super::diagnosis::Notes;
use super::local::chain;
use super::probe::TIMEOUT;

/// A certificate that ends within this time is a warning.
const SOON: Duration = Duration::from_hours(14 * 24);
const RENEW: &str = "Renew the certificate, and let its renewal run automatically.";

/// Judges the certificate that a server presented.
pub(super) fn judge_certificate(der: &[u8], notes: &mut Notes) {
    let Ok(certificate) = Certificate::from_der(der) else {
        return notes.unknown(Check::EndpointCertificate, "its end cannot be read");
    };
    let until = UNIX_EPOCH
        + certificate
            .tbs_certificate()
            .validity()
            .not_after
            .to_unix_duration();
    let left = until.duration_since(SystemTime::now()).unwrap_or_default();
    let days = left.as_secs() / 86_400;
    let evidence = format!("trusted; it ends in {days} days");
    if left < SOON {
        notes.warning(Check::EndpointCertificate, evidence, RENEW);
    } else {
        notes.ok(Check::EndpointCertificate, evidence);
    }
}

/// Notes why a request got no response.
pub(super) fn judge_failure(error: &reqwest::Error, notes: &mut Notes) {
    if let Some(rustls::Error::InvalidCertificate(reason)) = find::<rustls::Error>(error) {
        let (evidence, remedy) = certificate(reason);
        return notes.broken(Check::EndpointCertificate, evidence, remedy);
    }
    if find::<rustls::Error>(error).is_some() {
        let evidence = format!("the TLS handshake fails: {}", chain(error));
        let remedy = "Serve TLS 1.2 or 1.3 on this port, without client certificates.";
        return notes.broken(Check::EndpointConnection, evidence, remedy);
    }
    if error.is_timeout() {
        let (check, what) = if error.is_connect() {
            (Check::EndpointConnection, "it accepts no connection")
        } else {
            (Check::EndpointPing, "no response to a ping")
        };
        let evidence = format!("{what} within {} s, WhatsApp's time limit", TIMEOUT.as_secs());
        let remedy = "Check that the process runs and that no firewall drops the connection.";
        return notes.broken(check, evidence, remedy);
    }
    if error.is_connect() {
        let evidence = format!("no connection: {}", cause(error));
        let remedy = "Start the endpoint, and check its port and the firewall.";
        return notes.broken(Check::EndpointConnection, evidence, remedy);
    }
    let evidence = format!("the connection ends without a response: {}", cause(error));
    notes.broken(
        Check::EndpointPing,
        evidence,
        "Check the endpoint's log, and what is in front of it.",
    );
}

fn certificate(error: &CertificateError) -> (String, &'static str) {
    let (problem, remedy) = match error {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => ("it has expired", RENEW),
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => (
            "it is not valid yet",
            "Compare the clocks of this machine and of the server.",
        ),
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => (
            "it is for another host name",
            "Issue one with the host name of this URL in its subjectAltName.",
        ),
        CertificateError::UnknownIssuer => (
            "no trusted authority issued it",
            "Use a certificate of a public authority, and serve the whole chain with the intermediate \
             certificates.",
        ),
        _ => return (format!("it is not valid: {error}"), RENEW),
    };
    (problem.to_owned(), remedy)
}

/// Returns the innermost cause.
fn cause(error: &(dyn Error + 'static)) -> String {
    let mut last = error;
    while let Some(next) = last.source() {
        last = next;
    }
    last.to_string()
}

/// Returns the first error of this type among an error and its causes.
fn find<'a, E: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a E> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        // `io::Error::source` skips the error that it wraps.
        let inner = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        next = match inner {
            Some(inner) => Some(inner),
            None => error.source(),
        };
    }
    None
}
