//! The numbers and the endpoint that a set remembers.

use wa_graph::PhoneNumberId;
use wa_keystore::{Change, SetLog};

use crate::error::FleetError;
use crate::operator::SetOperator;
use crate::policy::ROUNDS;

impl SetOperator {
    /// Adds numbers to the set and sets its endpoint, if they are new. It is written before a number's first
    /// upload, so that no later command leaves the number out.
    pub(crate) async fn configure(
        &self,
        log: &mut SetLog,
        numbers: &[impl AsRef<str> + Sync],
        endpoint: Option<&str>,
    ) -> Result<(), FleetError> {
        for _ in 0..ROUNDS {
            let is_new = |number: &&str| !log.numbers().any(|known| known == *number);
            let given = numbers.iter().map(AsRef::as_ref);
            let add: Vec<String> = given.filter(is_new).map(str::to_owned).collect();
            let endpoint = endpoint.filter(|endpoint| log.endpoint() != Some(*endpoint));
            if add.is_empty() && endpoint.is_none() {
                return Ok(());
            }
            let change = Change::Configured {
                add,
                remove: Vec::new(),
                endpoint: endpoint.map(str::to_owned),
                title: None,
            };
            if self.append(log, change).await? {
                return Ok(());
            }
            *log = self.read_log().await?;
        }
        Err(self.contended())
    }

    /// Fails if a number is in another set of the store too: both would upload their own key.
    pub(crate) async fn refuse_two_sets(&self, numbers: &[PhoneNumberId]) -> Result<(), FleetError> {
        for name in self.store.sets().await? {
            if name == self.set.name() {
                continue;
            }
            let other = self.store.set(&name)?.read().await?;
            let shared = numbers
                .iter()
                .find(|number| other.numbers().any(|known| known == number.as_str()));
            if let Some(number) = shared {
                return Err(FleetError::TwoSets {
                    number: number.clone(),
                    set: self.set.name().to_owned(),
                    other: name,
                });
            }
        }
        Ok(())
    }
}
