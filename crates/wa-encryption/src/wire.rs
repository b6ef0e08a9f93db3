//! The formats of Graph's responses. Meta's pages disagree, so all documented formats are accepted.

use serde_json::Value;

use crate::business_public_key::{BusinessPublicKey, SignatureStatus};

pub(crate) const EDGE: &str = "whatsapp_business_encryption";
pub(crate) const KEY: &str = "business_public_key";
pub(crate) const STATUS: &str = "business_public_key_signature_status";

/// Reads the response to a GET: `data` as an array (Meta, *Business Messaging API* API description), `data`
/// as an object, or the members at the top level (Meta, *WhatsApp Business Encryption* guide).
///
/// `None` if it has none of these formats.
pub(crate) fn business_public_key(response: &Value) -> Option<BusinessPublicKey> {
    let entries: Vec<&Value> = match response.as_object()?.get("data") {
        Some(Value::Array(rows)) => rows.iter().collect(),
        Some(Value::Null) => Vec::new(),
        Some(data) => vec![data],
        None => vec![response],
    };
    let entries: Option<Vec<_>> = entries.into_iter().map(entry).collect();
    Some(BusinessPublicKey::merge(entries?))
}

fn entry(node: &Value) -> Option<BusinessPublicKey> {
    let node = node.as_object()?;
    let text = |name: &str| match node.get(name) {
        None | Some(Value::Null) => Some(None),
        Some(Value::String(text)) => Some(Some(text.trim()).filter(|text| !text.is_empty())),
        Some(_) => None,
    };
    Some(BusinessPublicKey::new(
        text(KEY)?,
        text(STATUS)?.map(SignatureStatus::read),
    ))
}

/// Reads the response to a POST: `{"success": true}`; in one official sample the value is the string
/// `"true"`.
pub(crate) fn is_success(response: &Value) -> bool {
    match response.get("success") {
        Some(Value::Bool(success)) => *success,
        Some(Value::String(text)) => text.eq_ignore_ascii_case("true"),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use wa_keys::PrivateKey;

    use super::*;
    use crate::RegisteredKey;

    #[test]
    fn field_10_every_shape_with_a_key_is_read() {
        let key = PrivateKey::generate().unwrap().public_key().clone();
        let node = json!({ KEY: key.to_pem(), STATUS: "VALID", "id": 7 });
        for response in [
            json!({"data": [node]}),
            json!({"data": [node, {}]}),
            json!({"data": node}),
            node.clone(),
        ] {
            let found = business_public_key(&response).unwrap();
            assert_eq!(found.public_key(), Some(&key), "{response}");
            assert_eq!(found.signature_status(), Some(&SignatureStatus::Valid));
            assert!(found.is_usable());
        }
    }

    #[test]
    fn the_absence_of_a_key_is_read_in_every_form() {
        for (response, status) in [
            (json!({}), None),
            (json!({"data": []}), None),
            (json!({"data": null}), None),
            (json!({"data": {}}), None),
            (json!({"data": [{}]}), None),
            (json!({"data": [{KEY: null, STATUS: null}]}), None),
            (
                json!({"data": [{KEY: " ", STATUS: "MISMATCH"}]}),
                Some(SignatureStatus::Mismatch),
            ),
            (json!({KEY: "\n", STATUS: " "}), None),
            (json!({STATUS: "VALID"}), Some(SignatureStatus::Valid)),
        ] {
            let found = business_public_key(&response).unwrap();
            assert!(matches!(found.registered(), RegisteredKey::Absent), "{response}");
            assert_eq!(found.signature_status(), status.as_ref(), "{response}");
            assert!(!found.is_usable());
        }
    }

    #[test]
    fn a_key_in_a_form_that_clients_cannot_import_is_unreadable() {
        let pem = PrivateKey::generate().unwrap().public_key().to_pem();
        let of = |text: &str| business_public_key(&json!({"data": [{KEY: text, STATUS: "VALID"}]})).unwrap();
        let base64: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
        let one_line = format!("-----BEGIN PUBLIC KEY-----\n{base64}\n-----END PUBLIC KEY-----");
        for good in [
            pem.clone(),
            pem.replace('\n', "\r\n"),
            format!("\n{pem}\n"),
            // WhatsApp Web strips the line ends before it decodes.
            pem.replace('\n', ""),
            one_line,
        ] {
            assert!(of(&good).is_usable(), "{good:?}");
        }
        for bad in [
            pem.replace('\n', "\\n"),
            base64,
            format!("key: {pem}"),
            pem.repeat(2),
        ] {
            let found = of(&bad);
            assert!(
                matches!(found.registered(), RegisteredKey::Unreadable { .. }),
                "{bad:?}"
            );
            assert!(!found.is_usable());
        }
    }

    #[test]
    fn several_entries_are_one_key_only_if_they_agree() {
        let [one, two] = [(); 2].map(|()| PrivateKey::generate().unwrap().public_key().clone());
        let node = |key: &str, status: &str| json!({ KEY: key, STATUS: status });
        let of = |rows: [Value; 2]| business_public_key(&json!({ "data": rows })).unwrap();
        let (pem, other) = (one.to_pem(), two.to_pem());

        // An entry without a key is ignored at every position.
        for rows in [
            [node(" ", "MISMATCH"), node(&pem, "VALID")],
            [node(&pem, "VALID"), node(" ", "MISMATCH")],
            [node(&pem, "VALID"), node(&pem.replace('\n', ""), "VALID")],
        ] {
            let found = of(rows);
            assert_eq!(found.public_key(), Some(&one));
            assert!(found.is_usable());
        }
        let same = of([node(&pem, "VALID"), node(&pem, "MISMATCH")]);
        assert_eq!(same.public_key(), Some(&one));
        assert!(!same.is_usable(), "one entry denies it");

        for rows in [
            [node(&pem, "VALID"), node(&other, "VALID")],
            [node(&pem, "VALID"), node("junk", "VALID")],
        ] {
            let found = of(rows);
            assert!(
                matches!(found.registered(), RegisteredKey::Several { .. }),
                "{found:?}"
            );
            assert!(!found.is_usable() && found.public_key().is_none());
        }
    }

    #[test]
    fn a_text_that_is_not_a_key_is_reported() {
        let found =
            business_public_key(&json!({"data": [{KEY: "-----BEGIN nonsense", STATUS: "VALID"}]})).unwrap();
        assert!(
            matches!(found.registered(), RegisteredKey::Unreadable { text, .. } if text == "-----BEGIN nonsense")
        );
        assert!(!found.is_usable());
    }

    #[test]
    fn unknown_statuses_are_kept() {
        let found = business_public_key(&json!({STATUS: "PENDING_REVIEW"})).unwrap();
        assert_eq!(found.signature_status().unwrap().as_str(), "PENDING_REVIEW");
        assert_eq!(SignatureStatus::read("valid"), SignatureStatus::Valid);
    }

    #[test]
    fn json_of_another_form_is_refused() {
        for response in [
            json!([]),
            json!("x"),
            json!(null),
            json!({"data": "x"}),
            json!({"data": [1]}),
            json!({KEY: 5}),
        ] {
            assert!(business_public_key(&response).is_none(), "{response}");
        }
    }

    #[test]
    fn success_is_true_or_the_string_true() {
        for (response, success) in [
            (json!({"success": true}), true),
            (json!({"success": "true"}), true),
            (json!({"success": "TRUE", "more": 1}), true),
            (json!({"success": false}), false),
            (json!({"success": "false"}), false),
            (json!({"success": 1}), false),
            (json!({}), false),
            (json!([]), false),
        ] {
            assert_eq!(is_success(&response), success, "{response}");
        }
    }
}
