//! Live checks with `openssl` and `node`; a test prints `SKIPPED` if the program is not installed.

use std::{
    io::{self, Write as _},
    path::Path,
    process::{Command, Stdio},
};

use wa_keys::{
    Passphrase, PrivateKey, Protection,
    file::{self, Existing},
};

use crate::support::*;

/// Returns whether a program is installed, and prints `SKIPPED` if it is not.
fn has(program: &str, version: &str) -> bool {
    let found = Command::new(program)
        .arg(version)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    let found = found.is_ok_and(|status| status.success());
    if !found {
        // The test harness would capture `eprintln!`.
        io::stderr()
            .write_all(format!("SKIPPED: `{program}` is not on the PATH\n").as_bytes())
            .unwrap();
    }
    found
}

/// Runs a program in a directory and returns its standard output.
fn run(directory: &Path, program: &str, arguments: &[&str]) -> Vec<u8> {
    let output = Command::new(program)
        .args(arguments)
        .current_dir(directory)
        .env("PASS", PASSPHRASE)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {arguments:?}: {stderr}");
    output.stdout
}

fn openssl(directory: &Path, arguments: &str) -> Vec<u8> {
    run(directory, "openssl", &arguments.split(' ').collect::<Vec<_>>())
}

/// Returns a directory with one key in every form that this crate writes.
fn written() -> (tempfile::TempDir, PrivateKey) {
    let directory = tempfile::tempdir().unwrap();
    #[cfg(feature = "generate")]
    let key = PrivateKey::generate().unwrap();
    #[cfg(not(feature = "generate"))]
    let key = PrivateKey::parse(data("openssl/pkcs8.pem"), None).unwrap();
    let at = |name: &str| directory.path().join(name);
    let passphrase = Passphrase::new(PASSPHRASE);
    file::write_private_key(at("plain.pem"), &key, Existing::Refuse).unwrap();
    file::write_encrypted_private_key(
        at("encrypted.pem"),
        &key,
        &passphrase,
        &Protection::default(),
        Existing::Refuse,
    )
    .unwrap();
    file::write_public_key(at("public.pem"), key.public_key(), Existing::Refuse).unwrap();
    (directory, key)
}

#[test]
fn openssl_parses_every_form_that_is_written() {
    if !has("openssl", "version") {
        return;
    }
    let (directory, key) = written();
    let public = key.public_key();
    for arguments in [
        "pkey -in plain.pem -check -pubout -outform DER",
        "pkey -in encrypted.pem -passin env:PASS -pubout -outform DER",
        "pkey -pubin -in public.pem -pubout -outform DER",
        "rsa -in plain.pem -check -pubout -outform DER",
    ] {
        let output = openssl(directory.path(), arguments);
        // `-check` prints "Key is valid" first.
        assert!(output.ends_with(public.as_der()), "{arguments}");
    }
    let pem = openssl(
        directory.path(),
        "pkey -in encrypted.pem -passin env:PASS -pubout",
    );
    assert_eq!(String::from_utf8(pem).unwrap(), public.to_pem());
    let asn1 = String::from_utf8(openssl(directory.path(), "asn1parse -in encrypted.pem")).unwrap();
    for part in ["PBES2", "PBKDF2", "hmacWithSHA256", "aes-256-cbc", ":0927C0"] {
        assert!(asn1.contains(part), "{part} is missing in {asn1}");
    }
}

#[test]
fn node_parses_every_form_that_is_written() {
    if !has("node", "--version") {
        return;
    }
    let (directory, key) = written();
    let script = "
        const { createPrivateKey, createPublicKey } = require('crypto'), { readFileSync } = require('fs');
        const passphrase = process.env.PASS;
        for (const key of [
            createPublicKey(createPrivateKey(readFileSync('plain.pem'))),
            createPublicKey(createPrivateKey({ key: readFileSync('encrypted.pem'), passphrase })),
            createPublicKey(readFileSync('public.pem')),
        ]) process.stdout.write(key.export({ type: 'spki', format: 'pem' }));
    ";
    let output = String::from_utf8(run(directory.path(), "node", &["-e", script])).unwrap();
    assert_eq!(output, key.public_key().to_pem().repeat(3));
}

#[test]
fn node_encrypts_to_the_written_public_key_and_decrypts_with_the_private_key() {
    if !has("node", "--version") {
        return;
    }
    let (directory, _) = written();
    let script = "
        const { constants, privateDecrypt, publicEncrypt } = require('crypto'), { readFileSync } = require('fs');
        const oaep = { padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' };
        const sealed = publicEncrypt({ key: readFileSync('public.pem'), ...oaep }, Buffer.from('sixteen byte key'));
        process.stdout.write(privateDecrypt({ key: readFileSync('plain.pem'), ...oaep }, sealed));
    ";
    assert_eq!(
        run(directory.path(), "node", &["-e", script]),
        b"sixteen byte key"
    );
}

#[test]
fn files_of_the_guides_commands_are_parsed() {
    if !has("openssl", "version") {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    openssl(
        directory.path(),
        "genrsa -des3 -passout env:PASS -out private.pem 2048",
    );
    openssl(
        directory.path(),
        "rsa -in private.pem -passin env:PASS -outform PEM -pubout -out public.pem",
    );
    let passphrase = Passphrase::new(PASSPHRASE);
    let public = file::read_public_key(at("public.pem")).unwrap();
    let private = file::read_private_key(at("private.pem"), Some(&passphrase)).unwrap();
    assert_eq!(private.value().public_key(), &public);
    // The traditional form, which these commands wrote before OpenSSL 3. Only OpenSSL 3 knows the option for
    // it.
    let version = String::from_utf8(openssl(directory.path(), "version")).unwrap();
    let option = if version.starts_with("OpenSSL 1") {
        ""
    } else {
        " -traditional"
    };
    for cipher in ["des3", "aes128", "aes192", "aes256"] {
        let from = "rsa -in private.pem -passin env:PASS";
        let command = format!("{from} -{cipher}{option} -passout env:PASS -out old.pem");
        openssl(directory.path(), &command);
        let old = file::read_private_key(at("old.pem"), Some(&passphrase)).unwrap();
        assert_eq!(old.value().public_key(), &public, "{cipher}");
        std::fs::remove_file(at("old.pem")).unwrap();
    }
}
