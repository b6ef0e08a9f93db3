//! TLS towards the phones and towards the backend.

use std::sync::Arc;

use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use wa_gateway::Gateway;

use crate::support::{Backend, Files, Phone, config_text, configure, eventually, init, metric, ping, start};

pub(crate) struct Certificate {
    pub(crate) pem: String,
    key: String,
}

pub(crate) fn certificate() -> Certificate {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap();
    Certificate {
        pem: made.cert.pem(),
        key: made.signing_key.serialize_pem(),
    }
}

pub(crate) fn put(files: &Files, certificate: &Certificate) {
    files.write("tls.key", &certificate.key);
    files.write("tls.pem", &certificate.pem);
}

/// A phone that trusts one certificate only, and makes a connection for each request.
fn phone(gateway: &Gateway, trusted: &Certificate) -> Phone<HttpsConnector<HttpConnector>> {
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_slice(trusted.pem.as_bytes()).unwrap())
        .unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap();
    let mut config = config.with_root_certificates(roots).with_no_client_auth();
    // A resumed session shows no certificate.
    config.resumption = rustls::client::Resumption::disabled();
    let connector = HttpsConnectorBuilder::new()
        .with_tls_config(config)
        .https_only()
        .enable_http1()
        .build();
    let client = Client::builder(TokioExecutor::new())
        .pool_max_idle_per_host(0)
        .build(connector);
    Phone::over(
        client,
        format!("https://localhost:{}/flow", gateway.local_addr().port()),
        0,
    )
}

pub(crate) fn with_tls(upstream: &str) -> String {
    config_text(upstream, "").replace(
        "[admin]",
        "[tls]\ncertificate = \"tls.pem\"\nprivate_key = \"tls.key\"\n[admin]",
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_is_replaced_while_it_serves() {
    let (files, backend) = (Files::new(), Backend::saying(200, "{}").await);
    let (old, new) = (certificate(), certificate());
    put(&files, &old);
    let gateway = start(&files, &with_tls(&backend.url())).await;
    let (trusts_old, trusts_new) = (phone(&gateway, &old), phone(&gateway, &new));
    assert_eq!(trusts_old.send(&init()).await.status, 200);
    assert!(trusts_new.try_send(&init()).await.is_err());

    put(&files, &new);
    eventually("the new certificate is served", || async {
        trusts_new.try_send(&init()).await.is_ok()
    })
    .await;
    assert!(trusts_old.try_send(&init()).await.is_err());
}

#[tokio::test]
async fn a_certificate_without_its_key_is_reported_and_the_last_good_one_stays() {
    let (files, backend) = (Files::new(), Backend::saying(200, "{}").await);
    let good = certificate();
    put(&files, &good);
    let gateway = start(&files, &with_tls(&backend.url())).await;
    files.write("tls.key", certificate().key);
    let failed = || {
        metric(
            &gateway,
            "wa_gateway_reloads_total",
            &[("what", "certificate"), ("result", "failed")],
        )
    };
    eventually("the failure is counted", || async { failed() == 1 }).await;
    assert_eq!(phone(&gateway, &good).send(&ping()).await.status, 200);

    let errors = configure(&files, &with_tls(&backend.url()))
        .check()
        .unwrap_err()
        .to_string();
    assert!(
        errors.contains("tls.key is not the key of the certificate"),
        "{errors}"
    );
}

/// A backend that speaks TLS, and answers everything with `{}`.
async fn tls_backend(certificate: &Certificate) -> String {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap();
    let chain = vec![CertificateDer::from_pem_slice(certificate.pem.as_bytes()).unwrap()];
    let key = PrivateKeyDer::from_pem_slice(certificate.key.as_bytes()).unwrap();
    let config = config.with_no_client_auth().with_single_cert(chain, key).unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://localhost:{}/", listener.local_addr().unwrap().port());
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let Ok(stream) = acceptor.accept(stream).await else {
                continue;
            };
            let service = hyper::service::service_fn(|_| async {
                Ok::<_, std::convert::Infallible>(http::Response::new("{}".to_owned()))
            });
            let connection =
                hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service);
            tokio::spawn(async move { connection.await.ok() });
        }
    });
    url
}

#[tokio::test]
async fn an_https_backend_is_reached_if_its_authority_is_known_and_is_503_if_not() {
    let files = Files::new();
    let theirs = certificate();
    let url = tls_backend(&theirs).await;
    files.write("ca.pem", &theirs.pem);
    let gateway = start(&files, &config_text(&url, r#"upstream_ca = "ca.pem""#)).await;
    assert_eq!(Phone::new(&gateway).send(&init()).await.status, 200);
    files.write("ca.pem", certificate().pem);
    let gateway = start(&files, &config_text(&url, r#"upstream_ca = "ca.pem""#)).await;
    assert_eq!(Phone::new(&gateway).send(&init()).await.status, 503);
}

#[tokio::test]
async fn an_expired_certificate_causes_a_warning_and_its_expiry_is_a_metric() {
    let files = Files::new();
    let made = |not_after: (i32, u8, u8)| {
        let mut params = rcgen::CertificateParams::new(["localhost".to_owned()]).unwrap();
        params.not_before = rcgen::date_time_ymd(2020, 1, 1);
        params.not_after = rcgen::date_time_ymd(not_after.0, not_after.1, not_after.2);
        let key = rcgen::KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        put(
            &files,
            &Certificate {
                pem,
                key: key.serialize_pem(),
            },
        );
        configure(&files, &with_tls("http://127.0.0.1:9/"))
    };
    let report = made((2021, 2, 3)).check().unwrap();
    assert_eq!(
        report.warnings(),
        ["the certificate expired at 2021-02-03T00:00:00Z: renew it"]
    );
    assert!(report.to_string().ends_with("renew it"));
    let gateway = Gateway::start(made((2060, 1, 1))).await.unwrap();
    assert!(
        configure(&files, &with_tls("http://127.0.0.1:9/"))
            .check()
            .unwrap()
            .warnings()
            .is_empty()
    );
    let ends = metric(
        &gateway,
        "wa_gateway_certificate_not_after_timestamp_seconds",
        &[],
    );
    assert_eq!(ends, 2_840_140_800);

    assert!(phone(&gateway, &certificate()).try_send(&ping()).await.is_err());
    eventually("the failed handshake is counted", || async {
        metric(&gateway, "wa_gateway_tls_handshake_failures_total", &[]) == 1
    })
    .await;
}

/// Made by OpenSSL 3.0.19 for this test: a P-256 key, a request, and
/// `openssl x509 -req -signkey`, which leaves the version at 1.
const VERSION_1: (&str, &str) = (
    include_str!("../data/test-only-x509-v1.pem"),
    include_str!("../data/test-only-x509-v1.key"),
);

#[tokio::test]
async fn a_certificate_of_version_1_is_named_as_what_it_is() {
    let files = Files::new();
    let (pem, key) = VERSION_1;
    put(
        &files,
        &Certificate {
            pem: pem.to_owned(),
            key: key.to_owned(),
        },
    );
    let errors = configure(&files, &with_tls("http://127.0.0.1:9/"))
        .check()
        .unwrap_err();
    assert!(
        errors.to_string().contains("tls.pem is not an X.509 version 3"),
        "{errors}"
    );
}

#[tokio::test]
async fn a_handshake_that_is_too_long_is_given_up() {
    let (files, backend) = (Files::new(), Backend::saying(200, "{}").await);
    put(&files, &certificate());
    let text = format!(
        "{}[limits]\nhandshake_timeout = \"60m\"\n",
        with_tls(&backend.url())
    );
    let gateway = start(&files, &text).await;
    let mut client = TcpStream::connect(gateway.local_addr()).await.unwrap();
    // Two full records of a ClientHello of 60,000 bytes, which does not end.
    let mut hello = vec![0; 0x4000];
    hello[..4].copy_from_slice(&[1, 0, 0xea, 0x60]);
    let record = [22, 3, 1, 0x40, 0];
    let _ = client
        .write_all(&[&record, &hello[..], &record, &[0; 0x4000][..]].concat())
        .await;
    let mut rest = Vec::new();
    let ended = tokio::time::timeout(std::time::Duration::from_secs(30), client.read_to_end(&mut rest));
    assert!(ended.await.is_ok(), "it waits for the rest");
    let failures = || async { metric(&gateway, "wa_gateway_tls_handshake_failures_total", &[]) == 1 };
    eventually("the failure is counted", failures).await;
}
