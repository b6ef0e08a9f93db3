//! App secrets and passphrases, from files and variables.

use wa_flows::AppSecret;
use wa_keys::Passphrase;
use wa_secrets::{FoundSecret, SecretFileError, SecretSource, SecretSourceError, SecretWarning};

use crate::config::{ConfigFault, Environment, Located, NamedSource, Problems, StoreSource, StoreUrl};
use crate::material::files::refuse_special;

/// Reads secrets, and turns their warnings into problems if `strict` is set.
pub(crate) struct Reader<'a> {
    pub(crate) environment: &'a Environment,
    pub(crate) strict: bool,
    pub(crate) warnings: Vec<String>,
}

impl Reader<'_> {
    pub(crate) fn passphrases(
        &mut self,
        sources: &[Located<NamedSource>],
        problems: &mut Problems,
    ) -> Vec<Passphrase> {
        self.found(sources, problems)
            .into_iter()
            .map(|(_, found)| Passphrase::new(found.expose_secret()))
            .collect()
    }

    pub(crate) fn app_secrets(
        &mut self,
        sources: &[Located<NamedSource>],
        problems: &mut Problems,
    ) -> Vec<AppSecret> {
        let mut secrets = Vec::new();
        for (source, found) in self.found(sources, problems) {
            match AppSecret::new(found.expose_secret()) {
                Ok(secret) => {
                    if !secret.is_usual() {
                        self.warn(source, SecretWarning::UnusualAppSecret, problems);
                    }
                    secrets.push(secret);
                }
                Err(error) => {
                    problems.add(
                        source.origin.clone(),
                        source.value.key,
                        ConfigFault::Secret(error),
                    );
                }
            }
        }
        secrets
    }

    /// Returns the URL of the replay store, if there is one.
    pub(crate) fn store_url(
        &mut self,
        source: Option<&StoreSource>,
        problems: &mut Problems,
    ) -> Option<StoreUrl> {
        let source = match source? {
            StoreSource::Url(url) => return Some(url.clone()),
            StoreSource::Secret(source) => source,
        };
        let (_, found) = self.found(std::slice::from_ref(source), problems).pop()?;
        let url = StoreUrl::parse(found.expose_secret());
        if url.is_none() {
            let fault = ConfigFault::WrongValue {
                expected: StoreUrl::EXPECTED,
                found: None,
            };
            problems.add(source.origin.clone(), source.value.key, fault);
        }
        url
    }

    fn found<'s>(
        &mut self,
        sources: &'s [Located<NamedSource>],
        problems: &mut Problems,
    ) -> Vec<(&'s Located<NamedSource>, FoundSecret)> {
        let mut all = Vec::new();
        for source in sources {
            match read(&source.value.source, self.environment) {
                Ok(found) => {
                    if let Some(warning) = found.warning().filter(|warning| is_serious(warning)) {
                        self.warn(source, warning.clone(), problems);
                    }
                    all.push((source, found));
                }
                Err(error) => problems.add(
                    source.origin.clone(),
                    source.value.key,
                    ConfigFault::NoSecret(error),
                ),
            }
        }
        all
    }

    fn warn(&mut self, source: &Located<NamedSource>, warning: SecretWarning, problems: &mut Problems) {
        if self.strict {
            let fault = ConfigFault::StrictSecret(warning);
            problems.add(source.origin.clone(), source.value.key, fault);
        } else {
            self.warnings.push(format!(
                "{}: {warning}; {}",
                source.value.key,
                warning.remedy().unwrap_or_default()
            ));
        }
    }
}

/// Returns false for files that only a group can access: orchestrators grant files that way.
fn is_serious(warning: &SecretWarning) -> bool {
    match warning {
        SecretWarning::ReadableByOthers(warning) => warning.mode() & 0o007 != 0,
        _ => true,
    }
}

fn read(source: &SecretSource, environment: &Environment) -> Result<FoundSecret, SecretSourceError> {
    if let SecretSource::File(path) = source {
        refuse_special(path).map_err(|source| SecretFileError::Read {
            path: path.clone(),
            source,
        })?;
    }
    source.read(|name| environment.get(name))
}
