//! The gateway's TLS certificate, which can be replaced while it serves.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use der::{DateTime, Decode as _};

use rustls::ServerConfig;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use x509_cert::certificate::{Certificate as X509, Version};
use zeroize::Zeroizing;

use crate::config::{ConfigErrors, ConfigFault, Located, Problems, TlsConfig};
use crate::current::Current;
use crate::material::files::{self, PEM_LIMIT, Stamp};

/// How long before its expiry a certificate causes a warning.
const SOON: Duration = Duration::from_hours(14 * 24);

/// The certificate in use; clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Certificate(Current<Loaded>);

/// A certificate with its key, as loaded from files.
pub(crate) struct Loaded {
    certified: Arc<CertifiedKey>,
    /// Its expiry in seconds since 1970; `None` if unknown.
    pub(crate) not_after: Option<u64>,
}

impl Loaded {
    /// Returns a warning if the certificate has expired or expires soon.
    pub(crate) fn warning(&self) -> Option<String> {
        let ends = self.not_after?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).ok()?.as_secs();
        let date = DateTime::from_unix_duration(Duration::from_secs(ends)).ok()?;
        if ends <= now {
            return Some(format!("the certificate expired at {date}: renew it"));
        }
        (ends - now < SOON.as_secs()).then(|| format!("the certificate expires soon, at {date}: renew it"))
    }
}

/// Returns the cryptography provider of all TLS connections.
pub(crate) fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

/// Returns the stamp of the files of a certificate, to detect changes.
pub(crate) fn stamp(files: &TlsConfig) -> Stamp {
    Stamp::of(
        [
            files.certificate.value.as_path(),
            files.private_key.value.as_path(),
        ]
        .into_iter(),
    )
}

/// Reads a certificate with its chain and key, and checks that they match.
pub(crate) fn load(files: &TlsConfig) -> Result<Loaded, ConfigErrors> {
    let mut problems = Problems::default();
    let chain = read(&files.certificate, "tls.certificate", &mut problems).and_then(|pem| {
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
        let chain = chain.ok().filter(|chain| !chain.is_empty());
        refuse_none(
            chain,
            &files.certificate,
            "tls.certificate",
            "contains no PEM certificate",
            &mut problems,
        )
    });
    let key = read(&files.private_key, "tls.private_key", &mut problems).and_then(|pem| {
        // The original error is dropped: it may quote the key.
        let key = PrivateKeyDer::from_pem_slice(&pem).ok();
        let reason = "contains no unencrypted PEM private key (`openssl pkey` decrypts one)";
        refuse_none(key, &files.private_key, "tls.private_key", reason, &mut problems)
    });
    let (Some(chain), Some(key)) = (chain, key) else {
        return problems.unless_any(None);
    };
    let leaf = chain.first().and_then(|leaf| X509::from_der(leaf).ok());
    if leaf
        .as_ref()
        .is_some_and(|leaf| leaf.tbs_certificate().version() != Version::V3)
    {
        let reason = "is not an X.509 version 3 certificate, which TLS requires (`openssl x509 -req -extfile …` creates one)";
        refuse_none::<()>(None, &files.certificate, "tls.certificate", reason, &mut problems);
        return problems.unless_any(None);
    }
    let not_after = leaf.map(|leaf| {
        leaf.tbs_certificate()
            .validity()
            .not_after
            .to_unix_duration()
            .as_secs()
    });
    let loaded = match CertifiedKey::from_der(chain, key, &provider()) {
        Ok(certified) => Some(Loaded {
            certified: Arc::new(certified),
            not_after,
        }),
        Err(error) => {
            let reason = match error {
                rustls::Error::InconsistentKeys(_) => "is not the key of the certificate",
                _ => "cannot be used with the certificate",
            };
            refuse_none(None, &files.private_key, "tls.private_key", reason, &mut problems)
        }
    };
    problems.unless_any(loaded)
}

fn read(
    path: &Located<std::path::PathBuf>,
    key: &str,
    problems: &mut Problems,
) -> Option<Zeroizing<Vec<u8>>> {
    match files::read(&path.value, PEM_LIMIT) {
        Ok(pem) => Some(pem),
        Err(source) => {
            problems.add(
                path.origin.clone(),
                key,
                ConfigFault::File {
                    path: path.value.clone(),
                    source,
                },
            );
            None
        }
    }
}

fn refuse_none<T>(
    value: Option<T>,
    path: &Located<std::path::PathBuf>,
    key: &str,
    reason: &'static str,
    problems: &mut Problems,
) -> Option<T> {
    if value.is_none() {
        let fault = ConfigFault::Certificate {
            path: Path::to_owned(&path.value),
            reason,
            remedy: None,
        };
        problems.add(path.origin.clone(), key, fault);
    }
    value
}

impl Certificate {
    pub(crate) fn new(loaded: Loaded) -> Self {
        Self(Current::new(loaded))
    }

    /// Replaces the certificate for all later handshakes.
    pub(crate) fn replace(&self, loaded: Loaded) {
        self.0.replace(loaded);
    }

    /// Returns a warning if the certificate in use has expired or expires soon.
    pub(crate) fn warning(&self) -> Option<String> {
        self.0.get().warning()
    }

    /// Returns a configuration for HTTP/1.1 over TLS 1.2 and 1.3 with this certificate.
    pub(crate) fn server_config(&self) -> Result<Arc<ServerConfig>, rustls::Error> {
        let mut config = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(self.clone()));
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0.get().certified))
    }
}
