//! Remedies for key files, as commands with the user's own file names.
//!
//! Each command works as pasted and writes only to files that do not exist, because the user's file may be
//! the only copy of a key.

use std::path::{Path, PathBuf};

use wa_cloud::keys::{Action, Advice, ForeignForm, KeyError};

use crate::shell;

/// Numbered file names that are tried before giving up.
const MAX_TRIES: u32 = 10_000;

/// Returns the suggestion, with the command that carries it out if there is one.
pub(crate) fn sentence(advice: &Advice, file: &Path) -> String {
    with_command(advice.text(), advice.action(), file)
}

/// Returns the remedy for a refused key, with the command that carries it out if there is one.
pub(crate) fn remedy(error: &KeyError, file: &Path) -> Option<String> {
    let remedy = error.remedy()?;
    Some(with_command(&remedy, error.action(), file))
}

fn with_command(text: &str, action: Option<Action>, file: &Path) -> String {
    match action.and_then(|action| command(action, file)) {
        Some(command) => format!("{text}: `{command}`"),
        None => text.to_owned(),
    }
}

/// Returns the command that removes other users' access to a file.
pub(crate) fn restrict_access(file: &Path) -> Option<String> {
    Some(format!("chmod 600 {}", shell::path(file)?))
}

fn command(action: Action, file: &Path) -> Option<String> {
    if action == Action::Generate {
        return generate(file);
    }
    // Input from a pipe cannot be read again.
    if !file.is_file() {
        return None;
    }
    let source = shell::path(file)?;
    let new = |suffix: &str| shell::path(&free(file, suffix));
    Some(match action {
        Action::Convert => format!("wa keys convert {source} --out {}", new("-protected.pem")?),
        Action::WritePublicKey => format!("wa keys public {source} --out {}", new("-spki.pem")?),
        Action::Reencrypt { legacy } => {
            let providers = if legacy {
                " -provider legacy -provider default"
            } else {
                ""
            };
            let target = new("-pkcs8.pem")?;
            format!("openssl pkcs8 -topk8 -v2 aes-256-cbc -iter 600000{providers} -in {source} -out {target}")
        }
        Action::ExtractRequestKey => {
            let der = if is_der(file) { " -inform DER" } else { "" };
            format!(
                "openssl req{der} -in {source} -pubkey -noout -out {}",
                new("-spki.pem")?
            )
        }
        Action::Export(form) => export(form, file, &source)?,
        _ => return None,
    })
}

fn export(form: ForeignForm, file: &Path, source: &str) -> Option<String> {
    let new = |suffix: &str| shell::path(&free(file, suffix));
    Some(match form {
        // ssh-keygen converts in place, and refuses a file that others can read: convert a copy with mode
        // 0600.
        ForeignForm::OpenSshPrivateKey => {
            let copy = new("-pkcs8.pem")?;
            format!("install -m 600 {source} {copy} && ssh-keygen -p -m PKCS8 -f {copy}")
        }
        ForeignForm::SshPublicKey => {
            format!("ssh-keygen -e -m PKCS8 -f {source} > {}", new("-spki.pem")?)
        }
        ForeignForm::Rfc4716PublicKey => {
            let (openssh, spki) = (new("-openssh.pub")?, new("-spki.pem")?);
            format!("ssh-keygen -i -f {source} > {openssh} && ssh-keygen -e -m PKCS8 -f {openssh} > {spki}")
        }
        ForeignForm::PuttyPrivateKey => {
            format!("puttygen {source} -O private-openssh -o {}", new("-openssh.pem")?)
        }
        ForeignForm::BerPkcs12 => {
            format!(
                "openssl pkcs12 -legacy -in {source} -nocerts -out {}",
                new("-key.pem")?
            )
        }
        ForeignForm::Pkcs7 => {
            let der = if is_der(file) { " -inform DER" } else { "" };
            let target = new("-certificates.pem")?;
            format!("openssl pkcs7{der} -in {source} -print_certs -out {target}")
        }
        ForeignForm::JavaKeyStore => {
            let target = new(".p12")?;
            format!(
                "keytool -importkeystore -srckeystore {source} -destkeystore {target} -deststoretype PKCS12"
            )
        }
        _ => return None,
    })
}

/// Generates a new key pair in the directory of the file, under names that are not taken.
fn generate(file: &Path) -> Option<String> {
    let folder = file.parent().unwrap_or(Path::new(""));
    let pair = |number: u32| {
        let number = if number < 2 {
            String::new()
        } else {
            format!("-{number}")
        };
        ["private", "public"].map(|half| folder.join(format!("{half}-2048{number}.pem")))
    };
    let [private, public] = (1..=MAX_TRIES)
        .map(pair)
        .find(|pair| pair.iter().all(|path| is_free(path)))?;
    let (private, public) = (shell::path(&private)?, shell::path(&public)?);
    Some(format!("wa keys generate --private {private} --public {public}"))
}

/// Returns the file name with another suffix, and with a number if that name is taken.
fn free(file: &Path, suffix: &str) -> PathBuf {
    let stem = file.file_stem().unwrap_or_default();
    let (suffix, extension) = suffix.rsplit_once('.').unwrap_or((suffix, "pem"));
    let name = |number: u32| {
        let mut name = stem.to_owned();
        name.push(suffix);
        if number > 1 {
            name.push(format!("-{number}"));
        }
        name.push(".");
        name.push(extension);
        file.with_file_name(name)
    };
    (1..=MAX_TRIES)
        .map(name)
        .find(|path| is_free(path))
        .unwrap_or_else(|| name(u32::MAX))
}

fn is_free(path: &Path) -> bool {
    path.symlink_metadata().is_err()
}

fn is_der(file: &Path) -> bool {
    use std::io::Read as _;

    let mut first = [0];
    std::fs::File::open(file)
        .and_then(|mut file| file.read_exact(&mut first))
        .is_ok()
        && first == [0x30]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn taken_names_are_numbered() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for name in ["private.pem", "private-protected.pem", "public-2048.pem"] {
            std::fs::write(at(name), "").unwrap();
        }
        assert_eq!(
            free(&at("private.pem"), "-protected.pem"),
            at("private-protected-2.pem")
        );
        let pair = generate(&at("private.pem")).unwrap();
        assert!(
            pair.contains("private-2048-2.pem") && pair.contains("public-2048-2.pem"),
            "{pair}"
        );
    }

    #[test]
    fn standard_input_is_never_named_as_a_file() {
        assert_eq!(command(Action::Convert, Path::new("standard input")), None);
        assert!(command(Action::Generate, Path::new("standard input")).is_some());
    }
}
