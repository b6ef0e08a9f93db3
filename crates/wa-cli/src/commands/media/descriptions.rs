//! Finds media descriptions in JSON: a single one, a list, or those in a decrypted request.

use std::path::Path;

use serde_json::Value;
use wa_cloud::flows::{DescriptionError, EncryptedMedia};
use zeroize::Zeroizing;

use crate::failure::Failure;
use crate::input;
use crate::shell;

/// Twice the maximum size of a request from WhatsApp.
const MAX_DESCRIPTION: usize = 2 * 1024 * 1024;

/// The descriptions in a file.
pub(super) struct Descriptions {
    /// At least one description.
    pub(super) all: Vec<Described>,
    /// True if the file is a single description, without a list or request around it.
    pub(super) is_lone: bool,
}

pub(super) struct Described {
    /// Path of the description in the JSON, for example `data.photos[0]`.
    pub(super) place: String,
    pub(super) media: EncryptedMedia,
}

/// An invalid description. Its text is never quoted, because it may contain keys.
#[derive(Debug, thiserror::Error)]
#[error("{place} is not a media description")]
struct NotADescription {
    place: String,
    source: DescriptionError,
}

#[derive(Debug, thiserror::Error)]
#[error("{file} does not describe media: it contains no object with encryption_metadata")]
struct NoMedia {
    file: String,
}

/// Reads every description in a file.
pub(super) fn read(path: &Path) -> Result<Descriptions, Failure> {
    let bytes = input::bytes(path, MAX_DESCRIPTION)?;
    let file = match path.to_str() {
        Some("-") => "standard input".to_owned(),
        _ => path.display().to_string(),
    };
    let value: Value = match serde_json::from_slice(&bytes) {
        Ok(value) => value,
        // The error of the description has the position of the syntax error.
        Err(_) => {
            return Err(described(&bytes, &file, file.clone())
                .err()
                .unwrap_or_else(|| none(&file)));
        }
    };
    if is_description(&value) {
        let all = vec![described(&bytes, &file, file.clone())?];
        return Ok(Descriptions { all, is_lone: true });
    }
    if value.get("encrypted_flow_data").is_some() {
        let name = shell::path(path).unwrap_or_else(|| "FILE".to_owned());
        let hint = format!(
            "this is an encrypted request; decrypt it first: `wa flow decrypt {name} --key PRIVATE_KEY`"
        );
        return Err(none(&file).with_hint(Some(hint)));
    }
    let mut places = Vec::new();
    find(&value, String::new(), &mut places);
    let mut all = Vec::new();
    for (place, value) in places {
        let text = serde_json::to_vec(value)
            .map(Zeroizing::new)
            .map_err(Failure::failed)?;
        all.push(described(&text, &format!("{place} in {file}"), place)?);
    }
    if all.is_empty() {
        return Err(none(&file));
    }
    Ok(Descriptions { all, is_lone: false })
}

fn described(json: &[u8], named: &str, place: String) -> Result<Described, Failure> {
    let media = EncryptedMedia::from_json(json).map_err(|source| {
        Failure::failed(NotADescription {
            place: named.to_owned(),
            source,
        })
        .with_hint(Some(HINT))
    })?;
    Ok(Described { place, media })
}

const HINT: &str =
    "pass an object from PhotoPicker or DocumentPicker, a list of them, or the complete decrypted request";

fn none(file: &str) -> Failure {
    Failure::failed(NoMedia {
        file: file.to_owned(),
    })
    .with_hint(Some(HINT))
}

fn is_description(value: &Value) -> bool {
    ["encryption_metadata", "cdn_url"]
        .iter()
        .any(|member| value.get(member).is_some())
}

/// Collects all descriptions in a value, lists in their order and members by name. Names are escaped, because
/// they come from a phone.
fn find<'a>(value: &'a Value, place: String, found: &mut Vec<(String, &'a Value)>) {
    if is_description(value) {
        found.push((place, value));
        return;
    }
    match value {
        Value::Array(items) => {
            for (at, item) in items.iter().enumerate() {
                find(item, format!("{place}[{at}]"), found);
            }
        }
        Value::Object(members) => {
            for (name, member) in members {
                let dot = if place.is_empty() { "" } else { "." };
                find(member, format!("{place}{dot}{}", name.escape_debug()), found);
            }
        }
        _ => {}
    }
}
