//! Keys that come and go while requests run.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use wa_gateway::Gateway;
use wa_keys::file::{Existing, write_encrypted_private_key};
use wa_keys::{Passphrase, Protection};

use crate::support::{
    Backend, Files, Phone, config_text, configure, eventually, init, key, metric, ping, start, start_before,
};

fn reloads(gateway: &Gateway, result: &str) -> u64 {
    metric(
        gateway,
        "wa_gateway_reloads_total",
        &[("what", "keys"), ("result", result)],
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_added_and_a_key_removed_take_effect_without_a_failed_exchange() {
    let (files, backend) = (Files::new(), Backend::saying(200, "{}").await);
    let gateway = start_before(&files, &backend).await;
    let (ended, served) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let phone = Phone::new(&gateway);
    let load = tokio::spawn({
        let (ended, served) = (Arc::clone(&ended), Arc::clone(&served));
        async move {
            while !ended.load(Ordering::Relaxed) {
                assert_eq!(phone.send(&init()).await.status, 200);
                served.fetch_add(1, Ordering::Relaxed);
            }
        }
    });

    let newcomer = Phone::with_key(&gateway, 1);
    assert_eq!(newcomer.send(&ping()).await.status, 421);
    files.write_key("2.pem", 1);
    eventually("the new key is served", || async {
        newcomer.send(&ping()).await.status == 200
    })
    .await;
    files.remove("keys/2.pem");
    eventually("the key is gone", || async {
        newcomer.send(&ping()).await.status == 421
    })
    .await;
    for _ in 0..5 {
        files.write_key("2.pem", 1);
        files.remove("keys/2.pem");
    }
    let before = served.load(Ordering::Relaxed);
    eventually("requests go on", || async {
        served.load(Ordering::Relaxed) > before + 5
    })
    .await;
    ended.store(true, Ordering::Relaxed);
    load.await.unwrap();
}

#[tokio::test]
async fn a_broken_file_is_reported_and_the_previous_ring_stays_until_it_is_fixed() {
    let (files, backend) = (Files::new(), Backend::saying(200, "{}").await);
    let gateway = start_before(&files, &backend).await;
    let (phone, newcomer) = (Phone::new(&gateway), Phone::with_key(&gateway, 1));
    files.write("keys/2.pem", "-----BEGIN PRIVATE KEY-----\nAAAA\n");
    eventually("the failure is counted", || async {
        reloads(&gateway, "failed") >= 1
    })
    .await;
    assert_eq!(phone.send(&ping()).await.status, 200);
    files.write_key("2.pem", 1);
    eventually("the fixed key is served", || async {
        newcomer.send(&ping()).await.status == 200
    })
    .await;
    assert_eq!(phone.send(&ping()).await.status, 200);

    files.remove("keys/1.pem");
    files.remove("keys/2.pem");
    eventually("an empty directory is a failure", || async {
        reloads(&gateway, "failed") >= 2
    })
    .await;
    // The watcher may have seen the moment when one key was left.
    assert_eq!(newcomer.send(&ping()).await.status, 200);
}

#[tokio::test]
async fn the_key_in_use_is_seen_by_its_fingerprint_and_keeps_its_count_over_a_reload() {
    let (files, backend) = (Files::new(), Backend::saying(200, "{}").await);
    let gateway = start_before(&files, &backend).await;
    assert_eq!(Phone::new(&gateway).send(&ping()).await.status, 200);
    files.write_key("current.pem", 1);
    let newcomer = Phone::with_key(&gateway, 1);
    eventually("the new key is served", || async {
        newcomer.send(&ping()).await.status == 200
    })
    .await;
    let metric_of = |which: usize, name: &str, state: Option<&str>| {
        let fingerprint = key(which).public_key().fingerprint().to_string();
        let mut labels = vec![("endpoint", "shop"), ("fingerprint", fingerprint.as_str())];
        labels.extend(state.map(|state| ("state", state)));
        metric(&gateway, name, &labels)
    };
    let opened = |which| metric_of(which, "wa_gateway_key_opened_total", None);
    assert_eq!((opened(1), opened(0)), (1, 1));
    let is = |which, state| metric_of(which, "wa_gateway_key_state", Some(state));
    assert_eq!((is(1, "primary"), is(0, "enabled")), (1, 1));
}

#[tokio::test]
async fn encrypted_keys_open_with_any_of_the_passphrases() {
    let (files, backend) = (Files::empty(), Backend::saying(200, "{}").await);
    for (name, which, passphrase) in [("1.pem", 0, "first one"), ("2.pem", 1, "second one")] {
        let path = files.path().join("keys").join(name);
        let passphrase = Passphrase::new(passphrase);
        let protection = Protection::default();
        write_encrypted_private_key(path, key(which), &passphrase, &protection, Existing::Refuse).unwrap();
    }
    files.write("first", "first one\n");
    files.write("second", "second one\r\nwhat follows is not read");
    let more = r#"passphrase_file = ["first", "second"]"#;
    let gateway = start(&files, &config_text(&backend.url(), more)).await;
    assert_eq!(Phone::new(&gateway).send(&ping()).await.status, 200);
    assert_eq!(Phone::with_key(&gateway, 1).send(&ping()).await.status, 200);

    let errors = configure(
        &files,
        &config_text(&backend.url(), r#"passphrase_file = "first""#),
    )
    .check()
    .unwrap_err();
    assert!(errors.to_string().contains("2.pem"), "{errors}");
    assert_eq!(errors.problems().len(), 1);
}

#[tokio::test]
async fn a_changed_app_secret_file_takes_effect() {
    let (files, backend) = (Files::new(), Backend::saying(200, "{}").await);
    files.write("secret", "0123456789abcdef");
    let gateway = start(
        &files,
        &config_text(&backend.url(), r#"app_secret_file = "secret""#),
    )
    .await;
    let phone = Phone::new(&gateway);
    assert_eq!(phone.send(&ping()).await.status, 432);
    files.write("secret", crate::support::SECRET);
    eventually("the new secret is good", || async {
        phone.send(&ping()).await.status == 200
    })
    .await;
}

#[tokio::test]
async fn a_public_key_in_the_directory_is_left_out_and_holds_up_nothing() {
    let (files, backend) = (Files::new(), Backend::saying(200, "{}").await);
    let gateway = start_before(&files, &backend).await;
    files.write("keys/public.pem", key(1).public_key().to_pem());
    files.write_key("2.pem", 1);
    let newcomer = Phone::with_key(&gateway, 1);
    eventually("the new key is served", || async {
        newcomer.send(&ping()).await.status == 200
    })
    .await;
    assert_eq!(reloads(&gateway, "failed"), 0);

    let report = configure(&files, &config_text(&backend.url(), ""))
        .check()
        .unwrap();
    let [warning] = report.warnings() else {
        panic!("{report}");
    };
    assert!(
        warning.contains("public.pem contains no private key"),
        "{warning}"
    );

    // As the only file it is an error, and a directory with nothing else has no key.
    let by_itself = config_text(&backend.url(), "").replace("\"keys\"", "\"keys/public.pem\"");
    let errors = configure(&files, &by_itself).check().unwrap_err();
    assert!(errors.to_string().contains("expected a private key"), "{errors}");
    files.remove("keys/1.pem");
    files.remove("keys/2.pem");
    let errors = configure(&files, &config_text(&backend.url(), ""))
        .check()
        .unwrap_err();
    assert!(
        errors.to_string().contains("keys contains no private key"),
        "{errors}"
    );
}

fn short(which: usize) -> String {
    key(which).public_key().fingerprint().short()
}

#[tokio::test]
async fn a_revoked_key_is_dropped_at_once_though_another_file_is_broken() {
    let (files, backend) = (Files::new(), Backend::saying(200, "{}").await);
    files.write_key("2.pem", 1);
    let gateway = start_before(&files, &backend).await;
    let (phone, leaked) = (Phone::new(&gateway), Phone::with_key(&gateway, 1));
    let revoked = || metric(&gateway, "wa_gateway_revoked_keys", &[("endpoint", "shop")]);
    let keys = || metric(&gateway, "wa_gateway_keys", &[("endpoint", "shop")]);
    assert_eq!((keys(), revoked()), (2, 0));
    files.write("keys/3.pem", "-----BEGIN PRIVATE KEY-----\nAAAA\n");
    eventually("the failure is counted", || async {
        reloads(&gateway, "failed") >= 1
    })
    .await;
    // Without its file the ring of before stays, and so does the key.
    files.remove("keys/2.pem");
    eventually("the next failure is counted", || async {
        reloads(&gateway, "failed") >= 2
    })
    .await;
    assert_eq!(leaked.send(&ping()).await.status, 200);

    files.write(
        "keys/revoked.txt",
        format!("{} leaked\nno fingerprint\n", short(1)),
    );
    eventually("the key opens nothing", || async {
        leaked.send(&ping()).await.status == 421
    })
    .await;
    assert_eq!(phone.send(&ping()).await.status, 200);
    assert_eq!((keys(), revoked()), (1, 1));
}

#[tokio::test]
async fn without_any_key_left_everything_is_421_until_there_is_a_new_one() {
    let (files, backend) = (Files::new(), Backend::saying(200, "{}").await);
    let gateway = start_before(&files, &backend).await;
    let (phone, newcomer) = (Phone::new(&gateway), Phone::with_key(&gateway, 1));
    files.write("keys/revoked.txt", key(0).public_key().fingerprint().to_string());
    eventually("the last key opens nothing", || async {
        phone.send(&ping()).await.status == 421
    })
    .await;
    assert_eq!(newcomer.send(&ping()).await.status, 421);
    let (ready, _) = crate::support::admin(&gateway, http::Method::GET, "/readyz", "").await;
    assert_eq!(ready, 200);
    files.write_key("2.pem", 1);
    eventually("the new key is served", || async {
        newcomer.send(&ping()).await.status == 200
    })
    .await;
    assert_eq!(phone.send(&ping()).await.status, 421);
    files.write("keys/revoked.txt", "# nothing is revoked\n");
    eventually("a line that is removed is undone", || async {
        phone.send(&ping()).await.status == 200
    })
    .await;
}

#[tokio::test]
async fn what_is_revoked_stays_so_over_a_start_and_the_check_shows_it() {
    let (files, backend) = (Files::new(), Backend::saying(200, "{}").await);
    files.write("keys/revoked.txt", short(0));
    let text = config_text(&backend.url(), "");
    let report = configure(&files, &text).check().unwrap();
    assert!(report.endpoints()[0].keys().is_empty());
    let list = files.path().join("keys/revoked.txt");
    let shown = format!("  revoked {} ({}, line 1)", short(0), list.display());
    assert!(report.to_string().contains(&shown), "{report}");
    let [revoked, none_left] = report.warnings() else {
        panic!("{report}");
    };
    assert!(
        revoked.contains(&short(0)) && none_left.contains("421"),
        "{report}"
    );
    let gateway = start(&files, &text).await;
    assert_eq!(Phone::new(&gateway).send(&ping()).await.status, 421);

    files.write("keys/revoked.txt", "1.pem");
    let errors = configure(&files, &text).check().unwrap_err().to_string();
    assert!(
        errors.contains("revoked.txt, line 1: not a fingerprint"),
        "{errors}"
    );
}
