//! The endpoint: its URL, its name, its certificate, pings and signatures.

use std::net::IpAddr;
use std::time::Duration;

use reqwest::Url;
use wa_flows::client::PhoneKey;
use wa_keys::PublicKey;
use wa_secrets::AppSecret;

use super::check::Check;
use super::diagnosis::Notes;
use super::local::LocalKeys;
use super::ping::{Pong, ping};
use super::probe::{Probe, Reply};
use super::tls;

const DNS_TIMEOUT: Duration = Duration::from_secs(5);
/// Meta advises to respond within a second; alerts begin there.
const SLOW: Duration = Duration::from_secs(1);
/// Pings whose duration is measured.
const PINGS: usize = 3;
const SAME_SECRET: &str = "Give the endpoint the secret of the app that is connected to the Flow (App \
                           Dashboard, App \
                           settings > Basic), and give the same one here.";

/// What is examined.
pub(super) struct Subject<'a> {
    pub(super) url: &'a str,
    /// The registered key, which phones use.
    pub(super) registered: Option<&'a PublicKey>,
    pub(super) local: &'a LocalKeys,
    pub(super) secret: Option<&'a AppSecret>,
}

pub(super) async fn examine(probe: &Probe, subject: &Subject<'_>, notes: &mut Notes) {
    if !judge_url(subject.url, notes).await {
        return;
    }
    let served = subject.local.served();
    let key = match (subject.registered, served.first()) {
        (Some(key), _) => Some((key, "the registered key".to_owned())),
        (None, Some((key, name))) => Some((*key, name.clone())),
        (None, None) => None,
    };
    let Some((key, name)) = key else {
        return reach(probe, subject.url, notes).await;
    };
    let Ok(phone) = PhoneKey::new(key) else {
        return notes.unknown(Check::EndpointPing, format!("{name} cannot be used to encrypt"));
    };
    let first = match ping(probe, subject.url, &phone, subject.secret).await {
        Ok((pong, certificate)) => {
            notes.ok(Check::EndpointConnection, "it accepts connections");
            if let Some(der) = certificate {
                tls::judge_certificate(&der, notes);
            }
            pong
        }
        Err(error) => return tls::judge_failure(&error, notes),
    };
    match (first, subject.secret) {
        (Pong::Active(elapsed), Some(secret)) => {
            notes.ok(Check::EndpointPing, format!("it decrypts with {name}"));
            judge_latency(probe, subject.url, &phone, (secret, elapsed), notes).await;
            judge_unsigned(probe, subject.url, &phone, notes).await;
        }
        (Pong::Active(_), None) => {
            notes.ok(Check::EndpointPing, format!("it decrypts with {name}"));
            unsigned_is_accepted(notes);
        }
        (Pong::Refused(reply), _) if reply.status == 421 => {
            not_decrypted(probe, subject, &name, notes).await;
        }
        (Pong::Refused(reply), secret) => refused(&reply, secret.is_some(), notes),
        (Pong::Wrong(evidence, remedy), _) => notes.broken(Check::EndpointPing, evidence, remedy),
    }
}

/// Judges the URL and its host name; returns whether a request is worth a try.
async fn judge_url(text: &str, notes: &mut Notes) -> bool {
    let url = Url::parse(text)
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https"));
    let Some((url, host)) = url.and_then(|url| url.host_str().map(str::to_owned).map(|host| (url, host)))
    else {
        let evidence = format!("{text:?} is not an absolute https URL");
        notes.broken(
            Check::EndpointUrl,
            evidence,
            "Write it like https://example.com/flow.",
        );
        return false;
    };
    let host = host.trim_matches(['[', ']']).to_owned();
    let port = url.port_or_known_default().unwrap_or(443);
    let looked_up = tokio::time::timeout(DNS_TIMEOUT, tokio::net::lookup_host((host.as_str(), port))).await;
    let addresses: Vec<IpAddr> = match looked_up {
        Ok(Ok(found)) => found.map(|address| address.ip()).collect(),
        Ok(Err(_)) | Err(_) => Vec::new(),
    };
    if addresses.is_empty() {
        let evidence = format!("{host} has no address");
        notes.broken(
            Check::EndpointName,
            evidence,
            "Check the host name, and its A and AAAA records.",
        );
        return false;
    }
    let is_local = addresses.iter().all(is_private);
    if url.scheme() == "http" && !is_local {
        let evidence = format!("{text} is not encrypted: WhatsApp calls https URLs only");
        notes.broken(Check::EndpointUrl, evidence, "Serve the endpoint over https.");
    } else if is_local {
        let evidence = format!("{host} has private addresses only: WhatsApp's servers cannot reach it");
        notes.warning(
            Check::EndpointUrl,
            evidence,
            "Give the public URL that the Flow uses.",
        );
    } else {
        notes.ok(Check::EndpointUrl, text);
    }
    let shown: Vec<String> = addresses.iter().take(4).map(ToString::to_string).collect();
    notes.ok(Check::EndpointName, shown.join(", "));
    true
}

fn is_private(address: &IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_loopback() || address.is_private() || address.is_link_local(),
        IpAddr::V6(address) => {
            address.is_loopback() || address.is_unique_local() || address.is_unicast_link_local()
        }
    }
}

/// Without a key there is nothing to encrypt a ping with: only the connection is examined.
async fn reach(probe: &Probe, url: &str, notes: &mut Notes) {
    match probe.post(url, b"{}".to_vec(), None).await {
        Ok(reply) => {
            notes.ok(Check::EndpointConnection, "it accepts connections");
            if let Some(der) = reply.certificate {
                tls::judge_certificate(&der, notes);
            }
            let remedy = "Register a key, or give the local one with --key.";
            notes.unknown_until(
                Check::EndpointPing,
                "there is no key to encrypt a ping with",
                remedy,
            );
        }
        Err(error) => tls::judge_failure(&error, notes),
    }
}

/// 421: tries the local keys, to find which one the endpoint has.
async fn not_decrypted(probe: &Probe, subject: &Subject<'_>, tried: &str, notes: &mut Notes) {
    let mut has = None;
    for (key, name) in subject.local.served() {
        let is_tried = subject.registered.is_none_or(|registered| registered == key);
        let Ok(phone) = PhoneKey::new(key) else { continue };
        if is_tried {
            continue;
        }
        if let Ok((Pong::Active(_), _)) = ping(probe, subject.url, &phone, subject.secret).await {
            has = Some(name);
            break;
        }
    }
    let fingerprint = subject
        .registered
        .map(|key| format!(" {}", key.fingerprint().short()));
    let fingerprint = fingerprint.unwrap_or_default();
    let (evidence, remedy) = match has {
        Some(name) => (
            format!("status 421: it cannot decrypt with {tried}{fingerprint}, but it can with {name}"),
            format!("Give the endpoint the private key of{fingerprint}, or upload {name}."),
        ),
        None => (
            format!("status 421: it cannot decrypt with {tried}{fingerprint}"),
            format!(
                "Give the endpoint the private key of{fingerprint}, and restart it if it reads keys at start \
                 only."
            ),
        ),
    };
    notes.broken(Check::EndpointPing, evidence, remedy);
}

/// Judges a status that is neither 200 nor 421.
fn refused(reply: &Reply, was_signed: bool, notes: &mut Notes) {
    let status = reply.status;
    if status == 432 && was_signed {
        let evidence = "status 432: it refuses a ping that is signed with the app secret";
        return notes.broken(Check::EndpointSignature, evidence, SAME_SECRET);
    }
    if status == 432 {
        notes.ok(Check::EndpointSignature, "it refuses an unsigned request (432)");
        let remedy = "Give the app secret with --app-secret-file.";
        return notes.unknown_until(
            Check::EndpointPing,
            "it requires a signature, and no app secret was given",
            remedy,
        );
    }
    let remedy = match status {
        300..=399 => "Use the URL that it redirects to: WhatsApp follows no redirects.",
        401 | 403 => {
            "Let requests of WhatsApp through: a login or a firewall in front of the endpoint refuses them."
        }
        404 => "Check the path of the URL.",
        405 => "Accept POST on this path.",
        500 => {
            "Find the failure in the endpoint's log. Answer 421 if a request cannot be decrypted, never 500."
        }
        502..=504 => "Start the server behind the proxy, and check the proxy's log.",
        _ => "Check the endpoint's log.",
    };
    notes.broken(Check::EndpointPing, format!("status {status} to a ping"), remedy);
}

async fn judge_latency(
    probe: &Probe,
    url: &str,
    phone: &PhoneKey,
    (secret, first): (&AppSecret, Duration),
    notes: &mut Notes,
) {
    let mut times = vec![first];
    while times.len() < PINGS {
        match ping(probe, url, phone, Some(secret)).await {
            Ok((Pong::Active(elapsed), _)) => times.push(elapsed),
            Ok((Pong::Refused(reply), _)) => {
                let evidence = format!(
                    "status {} to one of {PINGS} pings: instances differ",
                    reply.status
                );
                let remedy = "Give all instances behind the balancer the same keys and the same app secret.";
                return notes.broken(Check::EndpointPing, evidence, remedy);
            }
            Ok((Pong::Wrong(..), _)) | Err(_) => {
                let evidence = format!("one of {PINGS} pings fails");
                let remedy = "Check each instance behind the balancer, and the endpoint's log.";
                return notes.broken(Check::EndpointPing, evidence, remedy);
            }
        }
    }
    times.sort_unstable();
    let median = times.get(times.len() / 2).copied().unwrap_or_default();
    let evidence = format!("{} ms, median of {PINGS} pings", median.as_millis());
    if median > SLOW {
        let remedy =
            "Respond within a second: WhatsApp throttles Flows of slow endpoints, and gives up after 10 s.";
        notes.warning(Check::EndpointLatency, evidence, remedy);
    } else {
        notes.ok(Check::EndpointLatency, evidence);
    }
}

/// Sends a ping without a signature, which an endpoint must refuse.
async fn judge_unsigned(probe: &Probe, url: &str, phone: &PhoneKey, notes: &mut Notes) {
    match ping(probe, url, phone, None).await {
        Ok((Pong::Active(_), _)) => unsigned_is_accepted(notes),
        Ok((Pong::Refused(reply), _)) if reply.status == 432 => {
            notes.ok(
                Check::EndpointSignature,
                "it accepts the signature, and refuses an unsigned request (432)",
            );
        }
        Ok((Pong::Refused(reply), _)) => {
            let evidence = format!(
                "it refuses an unsigned request with {} instead of 432",
                reply.status
            );
            notes.warning(
                Check::EndpointSignature,
                evidence,
                "Answer 432, which WhatsApp documents.",
            );
        }
        Ok((Pong::Wrong(..), _)) | Err(_) => {
            notes.unknown(
                Check::EndpointSignature,
                "an unsigned request got no usable response",
            );
        }
    }
}

fn unsigned_is_accepted(notes: &mut Notes) {
    let evidence = "it answers requests without a signature: anyone can call it";
    notes.broken(
        Check::EndpointSignature,
        evidence,
        "Verify X-Hub-Signature-256 with the app secret, and answer 432.",
    );
}
