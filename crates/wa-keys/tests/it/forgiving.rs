//! Common damage to PEM text is repaired, alone and combined.

use proptest::prelude::*;
use wa_keys::{Encoding, Passphrase, PrivateKey, PublicKey, inspect};

use crate::support::*;

const FORMS: [&str; 6] = [
    "openssl/public.pem",
    "openssl/pkcs1-public.pem",
    "openssl/certificate.pem",
    "openssl/pkcs8.pem",
    "openssl/pbes2-hmacWithSHA256.pem",
    "openssl/traditional-aes256.pem",
];

/// Parses any of the forms and returns the public half.
fn read(input: impl AsRef<[u8]>) -> Result<PublicKey, wa_keys::KeyError> {
    PublicKey::parse_or_derive(input, Some(&Passphrase::new(PASSPHRASE)))
}

fn expected() -> PublicKey {
    PublicKey::parse(data("openssl/public.der")).unwrap()
}

fn one_line(pem: &str) -> String {
    pem.lines()
        .filter(|line| !line.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

fn base64_on_one_line(pem: &str) -> String {
    let end = pem.rfind("\n-----END").unwrap();
    let start = pem
        .find("\n\n")
        .map_or_else(|| pem.find('\n').unwrap() + 1, |headers| headers + 2);
    [&pem[..start], &pem[start..end].replace('\n', ""), &pem[end..]].concat()
}

fn base64_of(pem: &str) -> String {
    use base64ct::Encoding as _;
    base64ct::Base64::encode_string(pem.as_bytes())
}

/// Encodes like JavaScript's `encodeURIComponent`, except for the space.
fn url_encoded(pem: &str, space: &str) -> String {
    pem.chars()
        .map(|c| match c {
            ' ' => space.to_owned(),
            'A'..='Z' | 'a'..='z' | '0'..='9' | '-' => c.to_string(),
            other => format!("%{:02X}", u32::from(other)),
        })
        .collect()
}

/// The `.env` value of Meta's sample endpoint, with the key in place of the dots.
fn in_placeholder(pem: &str) -> String {
    format!(
        "-----[REPLACE THIS] BEGIN RSA PRIVATE KEY-----\n{pem}-----[REPLACE THIS] END RSA PRIVATE KEY-----"
    )
}

fn utf16(pem: &str, mark: bool) -> Vec<u8> {
    let mark = if mark { "\u{feff}" } else { "" };
    [mark, pem]
        .concat()
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect()
}

type Change = fn(&str) -> Vec<u8>;

#[test]
fn field_13_each_change_of_the_text_is_accepted_in_each_format() {
    let changes: [(&str, Change); 24] = [
        ("CRLF", |pem| pem.replace('\n', "\r\n").into()),
        ("CR", |pem| pem.replace('\n', "\r").into()),
        ("byte order mark", |pem| format!("\u{feff}{pem}").into()),
        ("UTF-16", |pem| utf16(pem, true)),
        ("UTF-16 without a mark", |pem| utf16(pem, false)),
        ("blank lines around", |pem| format!("\n\n \n{pem}\n\n").into()),
        ("blank lines between", |pem| pem.replace('\n', "\n\n").into()),
        ("text around", |pem| {
            format!("Here is the key - keep it:\n\n{pem}\nThanks!\n").into()
        }),
        ("other bytes around", |pem| {
            [&[0xe9, b'\n'], pem.as_bytes(), &[0xff]].concat()
        }),
        ("blanks at line ends", |pem| pem.replace('\n', " \t \n").into()),
        ("blanks before lines", |pem| {
            format!("    {}", pem.replace('\n', "\n    ")).into()
        }),
        ("no-break spaces", |pem| pem.replace('\n', "\u{a0}\n").into()),
        ("no line end at the end", |pem| pem.trim_end().into()),
        ("base64 on one line", |pem| base64_on_one_line(pem).into()),
        ("all on one line", |pem| one_line(pem).into()),
        ("literal \\n", |pem| pem.replace('\n', "\\n").into()),
        ("literal \\r\\n", |pem| pem.replace('\n', "\\r\\n").into()),
        ("twice escaped", |pem| pem.replace('\n', "\\\\n").into()),
        ("in double quotes", |pem| format!("\"{pem}\"").into()),
        ("in single quotes", |pem| format!("'{}'", pem.trim_end()).into()),
        (".env line", |pem| {
            format!("OTHER=1\nKEY=\"{}\"\nMORE=2", pem.replace('\n', "\\n")).into()
        }),
        ("JSON", |pem| {
            format!(
                "{{\"key\":\"{}\"}}",
                pem.replace('/', "\\/")
                    .replace('+', "\\u002B")
                    .replace('\n', "\\n")
            )
            .into()
        }),
        ("shell continuation", |pem| pem.replace('\n', "\\\n").into()),
        ("base64 of the text", |pem| {
            use base64ct::Encoding as _;
            base64ct::Base64::encode_string(pem.as_bytes()).into()
        }),
    ];
    all_forms_are_parsed(&changes);
}

fn all_forms_are_parsed(changes: &[(&str, Change)]) {
    for form in FORMS {
        for (name, change) in changes {
            let key = read(change(&text(form))).unwrap_or_else(|error| panic!("{form}, {name}: {error}"));
            assert_eq!(key, expected(), "{form}, {name}");
        }
    }
}

#[test]
fn changes_by_web_forms_word_processors_and_manifests_are_accepted_in_each_form() {
    let changes: [(&str, Change); 12] = [
        ("URL-encoded", |pem| url_encoded(pem, "%20").into()),
        ("form field", |pem| {
            format!("key={}&x=1", url_encoded(pem, "+")).into()
        }),
        ("URL-encoded line ends", |pem| pem.replace('\n', "%0D%0A").into()),
        ("en and em dashes", |pem| {
            pem.replace("-----", "\u{2014}\u{2013}").into()
        }),
        ("em dashes and hyphens", |pem| {
            pem.replace("-----", "\u{2014}-\u{2014}").into()
        }),
        ("dashes in UTF-16", |pem| {
            utf16(&pem.replace("-----", "\u{2013}\u{2014}"), true)
        }),
        ("placeholder kept in the lines", |pem| {
            pem.replace("-----BEGIN", "-----[REPLACE THIS] BEGIN")
                .replace("-----END", "-----[REPLACE THIS] END")
                .into()
        }),
        ("placeholder around the key", |pem| in_placeholder(pem).into()),
        ("placeholder in a .env line", |pem| {
            format!("KEY=\"{}\"", in_placeholder(pem).replace('\n', "\\n")).into()
        }),
        ("Kubernetes Secret", |pem| {
            let value = base64_of(pem);
            format!("apiVersion: v1\ndata:\n  key.pem: {value}\n  again.pem: {value}\nkind: Secret\n").into()
        }),
        ("Kubernetes Secret, folded", |pem| {
            let value = base64_of(pem);
            let (first, second) = value.split_at(76);
            format!("kind: Secret\ndata:\n  key: >-\n    {first}\n    {second}\n  user_name: YWRtaW4=\n")
                .into()
        }),
        ("Kubernetes Secret in JSON", |pem| {
            let value = base64_of(pem);
            let annotation = format!(r#"{{\"data\":{{\"key.pem\":\"{value}\"}}}}"#);
            format!(r#"{{"kind":"Secret","data":{{"key.pem":"{value}","user":"YWRtaW4="}},"last":"{annotation}"}}"#).into()
        }),
    ];
    all_forms_are_parsed(&changes);
}

#[test]
fn base64_without_boundaries_is_parsed() {
    use base64ct::Encoding as _;

    for form in [
        "openssl/public.der",
        "openssl/pkcs8.der",
        "openssl/certificate.der",
        "openssl/pbes2.der",
    ] {
        let base64 = base64ct::Base64::encode_string(&data(form));
        assert_eq!(read(&base64).unwrap(), expected(), "{form}");
        assert_eq!(read(format!("\"{base64}\"\n")).unwrap(), expected(), "{form}");
        assert_eq!(inspect(&base64).unwrap().encoding(), Encoding::BareBase64);
    }
}

#[test]
fn the_placeholder_of_metas_sample_is_reported() {
    let readme = "PRIVATE_KEY=\"-----[REPLACE THIS] BEGIN RSA PRIVATE KEY-----\nMIIE...\n...\n...AQAB\n\
                  -----[REPLACE THIS] END RSA PRIVATE KEY-----\"";
    let error = read(readme).unwrap_err();
    let damage = match &error {
        wa_keys::KeyError::Damaged { damage, .. } => damage,
        other => panic!("{other:?}"),
    };
    assert_eq!(damage, &wa_keys::Damage::Placeholder);
    assert!(error.remedy().unwrap().contains("[REPLACE THIS]"));
}

#[test]
fn items_of_a_kubernetes_secret_are_listed() {
    let secret = format!(
        "kind: Secret\ndata:\n  tls.crt: {}\n  tls.key: {}\n",
        base64_of(&text("openssl/certificate.pem")),
        base64_of(&text("openssl/pkcs8.pem"))
    );
    let inspection = inspect(&secret).unwrap();
    assert_eq!(inspection.encoding(), Encoding::Manifest);
    assert_eq!((inspection.items().len(), inspection.is_private()), (2, true));
    assert!(inspection.problem().is_none());
    assert_eq!(
        PrivateKey::parse(&secret, None).unwrap().public_key(),
        &expected()
    );
    // A truncated value is reported as damage.
    let cut = secret.replace("tls.key: LS0tLS1CRUdJTiBQUklWQVRF", "tls.key: LS0tLS1CRUdJTiBQ");
    assert!(PrivateKey::parse(cut, None).is_err());
}

#[test]
fn the_label_may_differ_from_the_contents() {
    let pkcs1 = pem("PUBLIC KEY", &data("openssl/pkcs1-public.der"));
    assert_eq!(read(pkcs1).unwrap(), expected());
    let pkcs8 = pem("RSA PRIVATE KEY", &data("openssl/pkcs8.der"));
    assert_eq!(read(pkcs8).unwrap(), expected());
    let private_as_public = pem("PUBLIC KEY", &data("openssl/pkcs1.der"));
    assert!(matches!(
        PublicKey::parse(private_as_public),
        Err(wa_keys::KeyError::PrivateKeyGiven { .. })
    ));
}

#[test]
fn parameters_next_to_a_key_are_ignored() {
    let both = [data("refused/ec-parameters.pem"), data("openssl/public.pem")].concat();
    assert_eq!(PublicKey::parse(both).unwrap(), expected());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Any mixture of blanks, byte order marks and line ends between lines yields the same key.
    #[test]
    fn mixtures_are_accepted(form in 0..FORMS.len(), seed in any::<u64>(), quote in any::<bool>(), literal in any::<bool>()) {
        let breaks = ["\n", "\r\n", " \n", "\n\n", "\n   ", "\t\n", "\\n", "\\r\\n", "\u{a0}\n", "\r", "\\\n"];
        let mut state = seed;
        let mut pick = |count: usize| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            usize::try_from(state >> 33).unwrap() % count
        };
        let pem = text(FORMS[form]);
        let mut out = String::new();
        for line in pem.lines() {
            out.push_str(line);
            out.push_str(if literal { "\\n" } else { breaks[pick(breaks.len())] });
        }
        if quote {
            out = format!("\u{feff}\"{out}\"");
        }
        prop_assert_eq!(read(&out).unwrap(), expected());
    }

    /// Base64 may be wrapped at any column.
    #[test]
    fn any_wrapping_is_accepted(width in 1usize..400) {
        let der = data("openssl/public.der");
        let base64 = base64_on_one_line(&pem("PUBLIC KEY", &der));
        let body = base64.lines().nth(1).unwrap();
        let lines: Vec<&str> = body.as_bytes().chunks(width).map(|line| str::from_utf8(line).unwrap()).collect();
        let text = format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----", lines.join("\n"));
        prop_assert_eq!(PublicKey::parse(text).unwrap(), expected());
    }
}
