//! The three encodings in which Graph accepts a key, and invalid bodies.

use serde_json::json;
use wa_emulator::DEFAULT_PHONE_NUMBER_ID;

use crate::client::{PUBLIC_KEY, Response, bearer, key_path, send, set_key, started};

async fn upload(content_type: Option<&str>, body: &[u8]) -> (Response, Option<String>) {
    let emulator = started().await;
    let mut headers = vec![("Authorization", bearer())];
    headers.extend(content_type.map(|content_type| ("Content-Type", content_type.to_owned())));
    let headers: Vec<_> = headers
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    let response = send(emulator.local_addr(), "POST", &key_path(), &headers, body)
        .await
        .unwrap();
    (
        response,
        emulator
            .number(DEFAULT_PHONE_NUMBER_ID)
            .unwrap()
            .business_public_key,
    )
}

fn form(key: &str) -> String {
    form_urlencoded::Serializer::new(String::new())
        .append_pair("business_public_key", key)
        .finish()
}

fn multipart(key: &str) -> String {
    format!(
        "--XyZ\r\nContent-Disposition: form-data; name=\"messaging_product\"\r\n\r\nwhatsapp\r\n\
         --XyZ\r\nContent-Disposition: form-data; name=\"business_public_key\"\r\n\r\n{key}\r\n--XyZ--\r\n"
    )
}

#[tokio::test]
async fn every_encoding_sets_the_same_key() {
    let json = json!({"business_public_key": PUBLIC_KEY}).to_string();
    let cases = [
        (Some("application/x-www-form-urlencoded"), form(PUBLIC_KEY)),
        (
            Some("application/x-www-form-urlencoded; charset=UTF-8"),
            form(PUBLIC_KEY),
        ),
        (None, form(PUBLIC_KEY)),
        (Some("multipart/form-data; boundary=XyZ"), multipart(PUBLIC_KEY)),
        (Some("application/json"), json.clone()),
        (Some("Application/JSON; charset=utf-8"), json),
    ];
    for (content_type, body) in cases {
        let (response, key) = upload(content_type, body.as_bytes()).await;
        assert_eq!(
            (response.status, response.json()),
            (200, json!({"success": true})),
            "{content_type:?}"
        );
        assert_eq!(key.as_deref(), Some(PUBLIC_KEY), "{content_type:?}");
    }
}

#[tokio::test]
async fn crlf_from_a_browsers_form_data_is_accepted() {
    let (response, key) = upload(
        Some("multipart/form-data; boundary=XyZ"),
        multipart(&PUBLIC_KEY.replace('\n', "\r\n")).as_bytes(),
    )
    .await;
    assert_eq!(response.status, 200);
    assert_eq!(key.as_deref(), Some(PUBLIC_KEY));
}

#[tokio::test]
async fn a_body_that_does_not_match_its_content_type_is_code_100() {
    let cases = [
        ("application/json", "{\"business_public_key\""),
        ("application/json", "[1]"),
        ("multipart/form-data", "--XyZ--"),
        ("multipart/form-data; boundary=XyZ", "--XyZ\r\nContent-Disp"),
    ];
    for (content_type, body) in cases {
        let (response, key) = upload(Some(content_type), body.as_bytes()).await;
        assert_eq!(
            (response.status, &response.json()["error"]["code"]),
            (400, &json!(100)),
            "{content_type}: {body}"
        );
        assert_eq!(key, None);
    }
}

#[tokio::test]
async fn an_absent_or_empty_field_is_a_missing_parameter() {
    for (content_type, body) in [
        ("application/x-www-form-urlencoded", ""),
        ("application/x-www-form-urlencoded", "business_public_key="),
        ("application/x-www-form-urlencoded", "public_key=x"),
        ("application/json", "{}"),
        ("text/plain", "business_public_key=x"),
    ] {
        let (response, _) = upload(Some(content_type), body.as_bytes()).await;
        let message = response.json()["error"]["message"].clone();
        assert_eq!(
            message, "Missing required parameter: business_public_key",
            "{content_type}: {body}"
        );
    }
}

#[tokio::test]
async fn a_key_that_whatsapp_clients_cannot_parse_is_refused() {
    let trimmed = PUBLIC_KEY.trim_end();
    let one_line = PUBLIC_KEY.replace('\n', "");
    let body: String = PUBLIC_KEY.lines().filter(|line| !line.starts_with('-')).collect();
    let spki = data_encoding::BASE64.decode(body.as_bytes()).unwrap();
    let pem = |label: &str, der: &[u8]| {
        let base64 = data_encoding::BASE64.encode(der);
        let lines: Vec<_> = base64
            .as_bytes()
            .chunks(64)
            .map(|line| std::str::from_utf8(line).unwrap())
            .collect();
        format!(
            "-----BEGIN {label}-----\n{}\n-----END {label}-----\n",
            lines.join("\n")
        )
    };
    let mut even_exponent = spki.clone();
    *even_exponent.last_mut().unwrap() = 0;
    let mut other_algorithm = spki.clone();
    other_algorithm[16] = 0x0a; // RSA-PSS's object identifier ends in 10
    let refused = [
        ("PKCS#1", pem("RSA PUBLIC KEY", &spki[24..])),
        ("a certificate", pem("CERTIFICATE", &spki)),
        ("literal \\n", PUBLIC_KEY.replace('\n', "\\n")),
        ("one line", one_line),
        ("text before", format!("key:\n{PUBLIC_KEY}")),
        ("text after", format!("{PUBLIC_KEY}key")),
        ("a blank line after", format!("{PUBLIC_KEY}\n")),
        (
            "a blank line inside",
            PUBLIC_KEY.replacen("-----\n", "-----\n\n", 1),
        ),
        ("indented", PUBLIC_KEY.replace('\n', "\n ")),
        ("no footer", trimmed.trim_end_matches('-').to_owned()),
        ("not base64", PUBLIC_KEY.replacen("MII", "M!I", 1)),
        ("a byte short", pem("PUBLIC KEY", &spki[..spki.len() - 1])),
        ("a byte more", pem("PUBLIC KEY", &[&spki[..], &[0]].concat())),
        ("an even exponent", pem("PUBLIC KEY", &even_exponent)),
        ("not rsaEncryption", pem("PUBLIC KEY", &other_algorithm)),
        ("too long", format!("{PUBLIC_KEY}{}", "\n".repeat(9000))),
        ("quoted", format!("\"{trimmed}\"")),
    ];
    let emulator = started().await;
    for (what, key) in refused {
        let response = set_key(&emulator, &key).await;
        assert_eq!(response.status, 400, "{what}");
        let error = &response.json()["error"];
        assert_eq!(
            (&error["code"], &error["error_user_title"]),
            (&json!(100), &json!("Invalid Public Key")),
            "{what}"
        );
    }
    assert_eq!(
        set_key(&emulator, trimmed).await.status,
        200,
        "without a newline at the end"
    );
}

#[tokio::test]
async fn only_2048_bits_are_accepted() {
    use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
    use aws_lc_rs::rsa::{KeySize, PrivateDecryptingKey};

    let emulator = started().await;
    for (size, status) in [
        (KeySize::Rsa2048, 200),
        (KeySize::Rsa3072, 400),
        (KeySize::Rsa4096, 400),
    ] {
        let key = PrivateDecryptingKey::generate(size).unwrap().public_key();
        let der: PublicKeyX509Der<'_> = key.as_der().unwrap();
        let base64 = data_encoding::BASE64.encode(der.as_ref());
        let lines: Vec<_> = base64
            .as_bytes()
            .chunks(64)
            .map(|line| std::str::from_utf8(line).unwrap())
            .collect();
        let pem = format!(
            "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n",
            lines.join("\n")
        );
        assert_eq!(set_key(&emulator, &pem).await.status, status, "{size:?}");
    }
}
