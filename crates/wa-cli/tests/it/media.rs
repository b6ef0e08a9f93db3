//! `wa media decrypt`: one file, several files, and invalid descriptions.

use std::path::Path;
use std::process::Output;

use serde_json::{Value, json};

use crate::support::{self, code, json, stderr, written};

const MEDIA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../wa-flows/tests/data");

fn wa(args: &[&str]) -> Output {
    support::wa().args(args).output().unwrap()
}

fn encrypted_file() -> String {
    format!("{MEDIA}/pywa_media_cdn_file.bin")
}

fn plaintext() -> Vec<u8> {
    std::fs::read(format!("{MEDIA}/pywa_media_plaintext.jpg")).unwrap()
}

/// Creates a description without `cdn_url`.
fn description(media_id: &str) -> Value {
    let vector = std::fs::read(format!("{MEDIA}/pywa_media.json")).unwrap();
    let vector: Value = serde_json::from_slice(&vector).unwrap();
    json!({
        "media_id": media_id,
        "file_name": "../a.jpg",
        "encryption_metadata": vector["encryption_metadata"],
    })
}

/// Creates a description that matches no file.
fn other(media_id: &str) -> Value {
    let mut other = description(media_id);
    other["encryption_metadata"]["encrypted_hash"] = json!("A".repeat(43) + "=");
    other
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn a_file_is_written_only_after_all_checks_pass() {
    let folder = tempfile::tempdir().unwrap();
    let read = |name: &str| std::fs::read(format!("{MEDIA}/{name}")).unwrap();
    let vector: Value = serde_json::from_slice(&read("pywa_media.json")).unwrap();
    let description = json!({"media_id": "m", "cdn_url": "https://example.com/x", "file_name": "../a.jpg",
        "encryption_metadata": vector["encryption_metadata"]});
    let description = written(
        folder.path(),
        "description.json",
        description.to_string().as_bytes(),
    );
    let description = description.to_str().unwrap();
    let out = folder.path().join("photo.jpg");
    let to = out.to_str().unwrap();

    let mut altered = read("pywa_media_cdn_file.bin");
    altered[0] ^= 1;
    let altered = written(folder.path(), "altered.bin", &altered);
    let refused = wa(&[
        "media",
        "decrypt",
        description,
        "--file",
        altered.to_str().unwrap(),
        "--out",
        to,
    ]);
    assert_eq!(code(&refused), 1);
    assert!(
        !out.exists() && stderr(&refused).contains("encrypted_hash"),
        "{}",
        stderr(&refused)
    );
    std::fs::write(&out, "mine").unwrap();
    let in_the_way = wa(&["media", "decrypt", description, "--download", "--out", to]);
    assert_eq!(code(&in_the_way), 1);
    let said = stderr(&in_the_way);
    assert!(said.contains(&format!("{to} already exists")), "{said}");
    assert_eq!(std::fs::read(&out).unwrap(), b"mine");
    std::fs::remove_file(&out).unwrap();

    let elsewhere = wa(&["media", "decrypt", description, "--download", "--out", to]);
    assert_eq!(code(&elsewhere), 1);
    assert!(
        !out.exists() && stderr(&elsewhere).contains("whatsapp.net"),
        "{}",
        stderr(&elsewhere)
    );

    let file = format!("{MEDIA}/pywa_media_cdn_file.bin");
    let good = [
        "media",
        "decrypt",
        description,
        "--file",
        &file,
        "--out",
        to,
        "--json",
    ];
    let output = wa(&good);
    assert_eq!(code(&output), 0, "{output:?}");
    assert_eq!(std::fs::read(&out).unwrap(), read("pywa_media_plaintext.jpg"));
    let again = wa(&good);
    assert_eq!(code(&again), 1, "an existing file is not overwritten");
    let left: Vec<_> = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(left.len(), 3, "{left:?}");
}

#[test]
fn a_missing_or_invalid_member_is_named_and_never_quoted() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("photo.jpg");
    let refused = |description: &Value| {
        let file = written(folder.path(), "d.json", description.to_string().as_bytes());
        let args = [
            "media",
            "decrypt",
            file.to_str().unwrap(),
            "--file",
            &encrypted_file(),
        ];
        let output = wa(&[&args[..], &["--out", out.to_str().unwrap()]].concat());
        assert_eq!(code(&output), 1, "{output:?}");
        assert!(!out.exists());
        stderr(&output)
    };
    let mut missing = description("m");
    missing["encryption_metadata"]
        .as_object_mut()
        .unwrap()
        .remove("iv");
    let said = refused(&missing);
    assert!(
        said.contains(
            "d.json is not a media description\n  caused by: the media description has no \
             encryption_metadata.iv"
        ),
        "{said}"
    );
    let mut wrong = description("m");
    wrong["encryption_metadata"]["hmac_key"] = json!("SECRET");
    let said = refused(&json!({"action": "data_exchange", "data": {"photos": [description("m"), wrong]}}));
    assert!(said.contains("data.photos[1] in "), "{said}");
    assert!(
        said.contains("encryption_metadata.hmac_key is not standard base64 of 32 bytes")
            && !said.contains("SECRET"),
        "{said}"
    );
    let said = refused(&json!({"data": {"photos": []}}));
    assert!(said.contains("does not describe media"), "{said}");
    let said = refused(&json!({"encrypted_flow_data": "x"}));
    let command = format!(
        "`wa flow decrypt {}/d.json --key PRIVATE_KEY`",
        folder.path().display()
    );
    assert!(said.contains(&command), "{said}");
}

#[test]
fn a_file_is_decrypted_with_the_matching_description() {
    let folder = tempfile::tempdir().unwrap();
    let request = json!({"version": "3.0", "action": "data_exchange", "flow_token": "t", "screen": "S",
        "data": {"note": "x", "photos": [other("first"), description("second")]}});
    for (at, input) in [
        description("second"),
        request["data"]["photos"].clone(),
        request.clone(),
        // The output of `wa flow decrypt --json`.
        json!({"fingerprint": "f", "payload": request}),
    ]
    .iter()
    .enumerate()
    {
        let file = written(folder.path(), "d.json", input.to_string().as_bytes());
        let out = folder.path().join(format!("{at}.jpg"));
        let args = [
            "media",
            "decrypt",
            file.to_str().unwrap(),
            "--file",
            &encrypted_file(),
            "--json",
        ];
        let output = wa(&[&args[..], &["--out", out.to_str().unwrap()]].concat());
        assert_eq!(code(&output), 0, "{output:?}");
        assert_eq!(std::fs::read(&out).unwrap(), plaintext());
        let machine = json(&output);
        let saved = if at == 0 { &machine } else { &machine["files"][0] };
        assert_eq!(saved["media_id"], "second", "{machine}");
        assert_eq!(saved["file"], json!(out), "{machine}");
    }
    let file = written(
        folder.path(),
        "d.json",
        json!([other("a"), other("b")]).to_string().as_bytes(),
    );
    let out = folder.path().join("none.jpg");
    let args = [
        "media",
        "decrypt",
        file.to_str().unwrap(),
        "--file",
        &encrypted_file(),
        "--out",
    ];
    let refused = wa(&[&args[..], &[out.to_str().unwrap()]].concat());
    assert_eq!(code(&refused), 1);
    assert!(
        stderr(&refused).contains("matches none of the 2 descriptions"),
        "{refused:?}"
    );
    assert!(!out.exists());
}

#[test]
fn several_files_are_numbered_and_none_is_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let list = json!([description("a"), description("b")]);
    let list = written(folder.path(), "list.json", list.to_string().as_bytes());
    let out = folder.path().join("photo.jpg");
    let file = encrypted_file();
    let args = [
        "media",
        "decrypt",
        list.to_str().unwrap(),
        "--file",
        &file,
        "--file",
        &file,
        "--out",
    ];
    let args = [&args[..], &[out.to_str().unwrap()]].concat();
    let taken = written(folder.path(), "photo-2.jpg", b"mine");
    let refused = wa(&args);
    assert_eq!(code(&refused), 1);
    assert!(
        stderr(&refused).contains("photo-2.jpg already exists"),
        "{refused:?}"
    );
    assert_eq!(
        names(folder.path()),
        ["list.json", "photo-2.jpg"],
        "no file was created"
    );
    assert_eq!(std::fs::read(&taken).unwrap(), b"mine");
    std::fs::remove_file(&taken).unwrap();
    let output = wa(&args);
    assert_eq!(code(&output), 0, "{output:?}");
    assert_eq!(names(folder.path()), ["list.json", "photo-1.jpg", "photo-2.jpg"]);
    for name in ["photo-1.jpg", "photo-2.jpg"] {
        assert_eq!(std::fs::read(folder.path().join(name)).unwrap(), plaintext());
    }
}

#[test]
fn a_description_without_a_url_is_named_by_a_download() {
    let folder = tempfile::tempdir().unwrap();
    let list = json!([description("a"), description("b")]);
    let list = written(folder.path(), "list.json", list.to_string().as_bytes());
    let out = folder.path().join("photo.jpg");
    let output = wa(&[
        "media",
        "decrypt",
        list.to_str().unwrap(),
        "--download",
        "--out",
        out.to_str().unwrap(),
    ]);
    assert_eq!(code(&output), 1);
    // The objects in the list are recognized by encryption_metadata.
    let said = stderr(&output);
    assert!(said.contains("[0] was not decrypted"), "{said}");
    assert!(
        said.contains("no cdn_url") && said.contains("--file FILE"),
        "{said}"
    );
    assert_eq!(names(folder.path()), ["list.json"]);
}
