//! The connection settings of a backend.

use bytes::Bytes;
use http::Uri;
use http_body_util::Full;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client as LegacyClient;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};

use crate::config::{ConfigFault, EndpointConfig, Origin, Problems, Timeouts};
use crate::material::files::{self, PEM_LIMIT};
use crate::tls;

pub(crate) type Client = LegacyClient<HttpsConnector<HttpConnector>, Full<Bytes>>;

/// The URL of a backend, and for https the trusted certificate authorities.
pub(crate) struct Connector {
    uri: Uri,
    tls: ClientConfig,
}

impl Connector {
    pub(crate) fn load(endpoint: &EndpointConfig, problems: &mut Problems) -> Option<Self> {
        // Every http URL of the `url` crate is valid for the `http` crate.
        let uri: Uri = endpoint.upstream.expose().parse().ok()?;
        let roots = if endpoint.upstream.is_https() {
            authorities(endpoint, problems)?
        } else {
            RootCertStore::empty()
        };
        let config = ClientConfig::builder_with_provider(tls::provider())
            .with_safe_default_protocol_versions()
            .ok()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Some(Self { uri, tls: config })
    }

    pub(crate) fn into_client(self, timeouts: Timeouts) -> (Client, Uri) {
        let mut tcp = HttpConnector::new();
        tcp.set_connect_timeout(Some(timeouts.connect));
        tcp.set_nodelay(true);
        tcp.enforce_http(false);
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(self.tls)
            .https_or_http()
            .enable_http1()
            .wrap_connector(tcp);
        let client = LegacyClient::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(timeouts.idle)
            .build(connector);
        (client, self.uri)
    }
}

fn authorities(endpoint: &EndpointConfig, problems: &mut Problems) -> Option<RootCertStore> {
    let mut roots = RootCertStore::empty();
    let Some(file) = &endpoint.upstream_ca else {
        // Unreadable certificates in the system's store are ignored: the operator may not be able to fix
        // them.
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if roots.is_empty() {
            problems.add(Origin::Nowhere, "upstream_ca", ConfigFault::NoAuthorities);
        }
        return (!roots.is_empty()).then_some(roots);
    };
    let mut refuse = |fault| problems.add(file.origin.clone(), "upstream_ca", fault);
    let pem = match files::read(&file.value, PEM_LIMIT) {
        Ok(pem) => pem,
        Err(source) => {
            refuse(ConfigFault::File {
                path: file.value.clone(),
                source,
            });
            return None;
        }
    };
    let added = CertificateDer::pem_slice_iter(&pem).all(|der| der.is_ok_and(|der| roots.add(der).is_ok()));
    if !added || roots.is_empty() {
        refuse(ConfigFault::Certificate {
            path: file.value.clone(),
            reason: "contains no PEM certificate",
            remedy: None,
        });
        return None;
    }
    Some(roots)
}
