//! App secrets and passphrases, from files and variables.

use std::io;
use std::path::Path;

use wa_flows::AppSecret;
use wa_keys::Passphrase;
use zeroize::Zeroizing;

use crate::config::{ConfigFault, Environment, Located, Problems, SecretSource, StoreSource, StoreUrl};
use crate::material::files;

/// A file larger than this holds no secret.
const MAX_FILE: usize = 64 * 1024;

pub(crate) fn passphrases(
    sources: &[Located<SecretSource>],
    environment: &Environment,
    problems: &mut Problems,
) -> Vec<Passphrase> {
    texts(sources, environment, problems)
        .into_iter()
        .map(|(_, text)| Passphrase::new(text.as_str()))
        .collect()
}

pub(crate) fn app_secrets(
    sources: &[Located<SecretSource>],
    environment: &Environment,
    problems: &mut Problems,
) -> Vec<AppSecret> {
    let mut secrets = Vec::new();
    for (source, text) in texts(sources, environment, problems) {
        match AppSecret::new(text.as_str()) {
            Ok(secret) => secrets.push(secret),
            Err(error) => problems.add(
                source.origin.clone(),
                source.value.key(),
                ConfigFault::Secret(error),
            ),
        }
    }
    secrets
}

/// The URL of the replay store, if there is one.
pub(crate) fn store_url(
    source: Option<&StoreSource>,
    environment: &Environment,
    problems: &mut Problems,
) -> Option<StoreUrl> {
    let source = match source? {
        StoreSource::Url(url) => return Some(url.clone()),
        StoreSource::Secret(source) => source,
    };
    let (_, text) = texts(std::slice::from_ref(source), environment, problems).pop()?;
    let url = StoreUrl::parse(&text);
    if url.is_none() {
        let fault = ConfigFault::WrongValue {
            expected: StoreUrl::EXPECTED,
            found: None,
        };
        problems.add(source.origin.clone(), source.value.key(), fault);
    }
    url
}

type Text<'a> = (&'a Located<SecretSource>, Zeroizing<String>);

fn texts<'a>(
    sources: &'a [Located<SecretSource>],
    environment: &Environment,
    problems: &mut Problems,
) -> Vec<Text<'a>> {
    let mut texts = Vec::new();
    for source in sources {
        let text = match &source.value {
            SecretSource::File { path, .. } => first_line(path).map_err(ConfigFault::SecretFile),
            SecretSource::Variable { name, .. } => environment
                .get(name)
                .map(Zeroizing::new)
                .ok_or(ConfigFault::SecretVariable),
        };
        match text {
            Ok(text) => texts.push((source, text)),
            Err(fault) => problems.add(source.origin.clone(), source.value.key(), fault),
        }
    }
    texts
}

/// The first line of a file, without its line end.
fn first_line(path: &Path) -> io::Result<Zeroizing<String>> {
    let bytes = files::read(path, MAX_FILE)?;
    let line = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let line = str::from_utf8(line.strip_suffix(b"\r").unwrap_or(line))
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "its first line is no UTF-8 text"))?;
    if line.is_empty() {
        return Err(io::Error::new(
            io::ErrorKind::UnexpectedEof,
            "its first line is empty",
        ));
    }
    Ok(Zeroizing::new(line.to_owned()))
}
