//! The configuration, read again while it serves.

use std::error::Error as _;
use std::time::Duration;

use serde_json::json;
use wa_gateway::StartError;

use crate::support::{
    Backend, Files, Phone, config_text, decrypt_media, eventually, init, key, metric, ping, start,
};

#[tokio::test]
async fn a_reload_brings_endpoints_backends_and_keys_and_keeps_the_address() {
    let files = Files::new();
    let (first, second) = (
        Backend::saying(200, r#"{"from":1}"#).await,
        Backend::saying(200, r#"{"from":2}"#).await,
    );
    let gateway = start(&files, &config_text(&first.url(), "")).await;
    assert_eq!(
        Phone::new(&gateway).send(&init()).await.open(),
        json!({"from": 1})
    );

    files.write("other.pem", key(1).secret_pkcs8_pem().expose_secret());
    let more = format!(
        "[[endpoint]]\nname = \"bank\"\npath = \"/bank\"\nkeys = \"other.pem\"\nupstream = \"{}\"",
        second.url()
    );
    files.write("gateway.toml", config_text(&second.url(), &more));
    gateway.reload().await.unwrap();
    assert_eq!(
        Phone::new(&gateway).send(&init()).await.open(),
        json!({"from": 2})
    );
    let bank = format!("http://{}/bank", gateway.local_addr());
    assert_eq!(
        Phone::with_key(&gateway, 1).at(bank).send(&ping()).await.status,
        200
    );
    let fingerprint = key(0).public_key().fingerprint().to_string();
    let labels = [("fingerprint", fingerprint.as_str())];
    assert_eq!(metric(&gateway, "wa_gateway_key_opened_total", &labels), 2);
}

#[tokio::test]
async fn a_reload_changes_the_drain_and_what_media_are_fetched() {
    let (files, backend) = (Files::new(), Backend::saying(200, "{}").await);
    let text = config_text(&backend.url(), "");
    let gateway = start(&files, &text).await;
    assert_eq!(gateway.drain_timeout(), Duration::from_secs(15));
    let description = json!({
        "media_id": "1", "cdn_url": "http://127.0.0.1:9/a", "file_name": "a.jpg",
        "encryption_metadata": {
            "encrypted_hash": "A".repeat(43) + "=", "plaintext_hash": "A".repeat(43) + "=",
            "encryption_key": "A".repeat(43) + "=", "hmac_key": "A".repeat(43) + "=",
            "iv": "A".repeat(22) + "==",
        },
    })
    .to_string();
    assert_eq!(decrypt_media(&gateway, &description).await.0, 403);

    let allowed = text.replace(
        "[admin]",
        "drain_timeout = \"3s\"\n[admin]\ndanger_media_host = \"127.0.0.1\"",
    );
    files.write("gateway.toml", allowed);
    gateway.reload().await.unwrap();
    assert_eq!(gateway.drain_timeout(), Duration::from_secs(3));
    // The host is asked, and does not answer.
    assert_eq!(decrypt_media(&gateway, &description).await.0, 502);
}

#[tokio::test]
async fn a_configuration_that_cannot_be_used_changes_nothing() {
    let (files, backend) = (Files::new(), Backend::saying(200, "{}").await);
    let gateway = start(&files, &config_text(&backend.url(), "")).await;
    for text in [
        "listen = 7",
        &config_text("nowhere", ""),
        &config_text(&backend.url(), "keys = \"absent\""),
    ] {
        files.write("gateway.toml", text);
        let error = gateway.reload().await.unwrap_err();
        assert!(matches!(error, StartError::Config(_)) && error.source().is_some());
        assert_eq!(Phone::new(&gateway).send(&ping()).await.status, 200);
    }
    let labels = [("what", "configuration"), ("result", "failed")];
    assert_eq!(metric(&gateway, "wa_gateway_reloads_total", &labels), 3);
}

#[cfg(unix)]
#[tokio::test]
async fn a_pipe_in_place_of_a_file_is_refused_before_it_blocks() {
    let (files, backend) = (Files::new(), Backend::saying(200, "{}").await);
    let gateway = start(&files, &config_text(&backend.url(), "")).await;
    let pipe = files.path().join("pipe.pem");
    let made = tokio::process::Command::new("mkfifo")
        .arg(&pipe)
        .status()
        .await
        .unwrap();
    assert!(made.success());
    for text in [
        config_text(&backend.url(), "").replace("\"keys\"", "\"pipe.pem\""),
        config_text(&backend.url(), "app_secret_file = \"pipe.pem\""),
    ] {
        files.write("gateway.toml", text);
        let error = gateway.reload().await.unwrap_err();
        let text = error.source().unwrap().to_string();
        assert!(text.contains("not a regular file"), "{text}");
    }
}

#[cfg(unix)]
#[tokio::test]
async fn sighup_reloads_and_sigterm_ends() {
    use tokio::signal::unix::{SignalKind, signal};

    // With handlers of its own the process outlives a signal that the gateway does not listen to yet.
    let _kept = [SignalKind::hangup(), SignalKind::terminate()].map(|kind| signal(kind).unwrap());
    let send = async |name: &str| {
        let pid = std::process::id().to_string();
        let status = tokio::process::Command::new("kill")
            .args(["-s", name, &pid])
            .status()
            .await
            .unwrap();
        assert!(status.success());
    };
    let files = Files::new();
    let (first, second) = (
        Backend::saying(200, r#"{"from":1}"#).await,
        Backend::saying(200, r#"{"from":2}"#).await,
    );
    let delayed = |url: String| format!("drain_delay = \"60m\"\n{}", config_text(&url, ""));
    let gateway = start(&files, &delayed(first.url())).await;
    let phone = Phone::new(&gateway);
    let running = tokio::spawn(gateway.run_until_signal());
    files.write("gateway.toml", delayed(second.url()));
    eventually("the new backend is asked", || async {
        send("HUP").await;
        phone.send(&init()).await.open() == json!({"from": 2})
    })
    .await;
    eventually("a second signal ends the delay", || async {
        send("TERM").await;
        running.is_finished()
    })
    .await;
    assert!(phone.try_send(&init()).await.is_err());
}
