//! Servers with certificates that the system does not know.

use std::sync::Arc;

use rcgen::CertifiedKey;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use wa_graph::{GraphErrorKind, GraphRequest, RetryPolicy, TransportErrorKind};

use crate::support::{PATH, answer, builder, once};

/// Starts a server with a certificate of its own for `localhost`; returns its port and the certificate.
async fn serve() -> (u16, String) {
    let CertifiedKey { cert, signing_key } =
        rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::Pkcs8(signing_key.serialize_der().into());
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(mut stream) = acceptor.accept(stream).await else {
                continue;
            };
            let _ = stream.read(&mut [0; 4096]).await;
            stream
                .write_all(answer(200, "", r#"{"success":true}"#).as_bytes())
                .await
                .unwrap();
            stream.shutdown().await.unwrap();
        }
    });
    (port, cert.pem())
}

#[tokio::test]
async fn an_unknown_certificate_is_a_tls_failure_until_it_is_trusted() {
    let (port, pem) = serve().await;
    let url = format!("https://localhost:{port}");
    let request = || GraphRequest::get(PATH);

    let error = once(&url).execute::<Value>(request()).await.unwrap_err();
    let GraphErrorKind::Transport(transport) = error.kind() else {
        panic!("{error:?}")
    };
    assert_eq!(transport.kind(), TransportErrorKind::Tls);
    assert!(error.remedy().unwrap().contains("certificate") && !error.is_transient());

    let trusting = builder(&url)
        .add_root_certificate_pem(&pem)
        .retry(RetryPolicy::none())
        .build()
        .unwrap();
    assert!(trusting.execute::<Value>(request()).await.is_ok());

    let by_address = builder(&format!("https://127.0.0.1:{port}"))
        .add_root_certificate_pem(&pem)
        .build()
        .unwrap();
    let error = by_address.execute::<Value>(request()).await.unwrap_err();
    assert!(
        matches!(error.kind(), GraphErrorKind::Transport(transport) if transport.kind() == TransportErrorKind::Tls)
    );
}
