//! The numbers of a fleet: named, read from a file, or listed by Graph.

mod file;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Serialize;
use wa_graph::{BusinessId, GraphClient, GraphError, PhoneNumber, PhoneNumberId, WabaId};

use super::config::{FilterConfig, InventoryConfig};
use super::stop::Stop;

/// The numbers of a fleet, each once, ordered by account and id.
#[derive(Debug, Default)]
pub struct Inventory {
    numbers: Vec<InventoryNumber>,
    failures: Vec<InventoryError>,
}

/// A number of an inventory. All members except the id are known only if Graph listed the number, or a file
/// has them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct InventoryNumber {
    /// The phone number id.
    pub phone_number_id: PhoneNumberId,
    /// Its account.
    pub account: Option<WabaId>,
    /// The key set that a file names for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub set: Option<String>,
    /// The telephone number, formatted for display.
    pub display_phone_number: Option<String>,
    /// The name that customers see.
    pub verified_name: Option<String>,
    /// The status, for example `CONNECTED`.
    pub status: Option<String>,
    /// The quality rating, for example `GREEN`.
    pub quality_rating: Option<String>,
    /// Where the number is hosted, for example `CLOUD_API`.
    pub platform_type: Option<String>,
}

/// A part of an inventory that cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InventoryError {
    /// The accounts of a business cannot be listed.
    #[error("the accounts of business {id} cannot be listed")]
    Business {
        /// The business.
        id: BusinessId,
        /// The failed call.
        #[source]
        source: GraphError,
    },
    /// The numbers of an account cannot be listed.
    #[error("the numbers of account {id} cannot be listed")]
    Account {
        /// The account.
        id: WabaId,
        /// The failed call.
        #[source]
        source: GraphError,
    },
    /// The file of numbers is not readable.
    #[error("cannot read the numbers in {}", path.display())]
    File {
        /// Its name.
        path: PathBuf,
        /// The cause.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// It was asked to stop.
    #[error("interrupted")]
    Interrupted,
}

impl InventoryError {
    /// Returns what to do about it.
    #[must_use]
    pub fn remedy(&self) -> Option<Cow<'static, str>> {
        match self {
            Self::Business { source, .. } | Self::Account { source, .. } => source.remedy(),
            Self::File { .. } => Some(Cow::Borrowed(
                "Write one number a line, with the columns phone_number_id, account and set; the last two are optional.",
            )),
            Self::Interrupted => None,
        }
    }

    /// Returns the failed call to Graph, if a call failed.
    #[must_use]
    pub fn graph(&self) -> Option<&GraphError> {
        match self {
            Self::Business { source, .. } | Self::Account { source, .. } => Some(source),
            Self::File { .. } | Self::Interrupted => None,
        }
    }
}

/// Which numbers stay in an inventory. What Graph does not list about a number excludes it not.
#[derive(Debug, Clone, Default)]
pub struct NumberFilter {
    status: Vec<String>,
    platform: Vec<String>,
    exclude: Vec<String>,
}

impl NumberFilter {
    /// Creates a filter from its settings.
    #[must_use]
    pub fn new(config: &FilterConfig) -> Self {
        Self {
            status: config.status.clone(),
            platform: config.platform.clone(),
            exclude: config.exclude.clone(),
        }
    }

    /// Keeps only numbers with one of these statuses; none keeps all.
    #[must_use]
    pub fn status(mut self, status: &[String]) -> Self {
        self.status = status.to_vec();
        self
    }

    /// Keeps only numbers on one of these platforms; none keeps all.
    #[must_use]
    pub fn platform(mut self, platform: &[String]) -> Self {
        self.platform = platform.to_vec();
        self
    }

    /// Returns true if the number stays.
    #[must_use]
    pub fn keeps(&self, number: &InventoryNumber) -> bool {
        let allows = |allowed: &[String], value: &Option<String>| {
            allowed.is_empty()
                || value
                    .as_ref()
                    .is_none_or(|value| allowed.iter().any(|one| one.eq_ignore_ascii_case(value)))
        };
        let excluded = |id: &str| self.exclude.iter().any(|one| one == id);
        allows(&self.status, &number.status)
            && allows(&self.platform, &number.platform_type)
            && !excluded(number.phone_number_id.as_str())
            && !number.account.as_ref().is_some_and(|id| excluded(id.as_str()))
    }
}

impl InventoryNumber {
    /// Creates a number of which only the id is known.
    #[must_use]
    pub fn new(phone_number_id: PhoneNumberId) -> Self {
        Self {
            phone_number_id,
            account: None,
            set: None,
            display_phone_number: None,
            verified_name: None,
            status: None,
            quality_rating: None,
            platform_type: None,
        }
    }

    /// Sets the account.
    #[must_use]
    pub fn with_account(mut self, account: Option<WabaId>) -> Self {
        self.account = account;
        self
    }

    fn listed(row: PhoneNumber, account: &WabaId) -> Self {
        Self {
            account: Some(account.clone()),
            display_phone_number: row.display_phone_number,
            verified_name: row.verified_name,
            status: row.status,
            quality_rating: row.quality_rating,
            platform_type: row.platform_type,
            ..Self::new(row.id)
        }
    }
}

impl Inventory {
    /// Resolves an inventory: lists the accounts of businesses and the numbers of accounts, and reads the
    /// file.
    ///
    /// `client` returns the client of an account, or that of businesses for `None`; `listed` is called with
    /// every account before its numbers are listed. An account that cannot be listed does not stop the
    /// others: see [`failures`](Self::failures). Lists are read one after the other, 100 rows a call.
    ///
    /// # Errors
    ///
    /// [`InventoryError::File`] if the file is not readable, and a failed call that every other call of the
    /// only client would repeat.
    pub async fn resolve(
        config: &InventoryConfig,
        filter: &NumberFilter,
        client: impl Fn(Option<&WabaId>) -> GraphClient,
        mut listed: impl FnMut(&WabaId),
        stop: &Stop,
    ) -> Result<Self, InventoryError> {
        let mut found = BTreeMap::new();
        let mut inventory = Self::default();
        if let Some(path) = &config.file {
            for number in file::read(path)? {
                found.insert(number.phone_number_id.clone(), number);
            }
        }
        for id in &config.numbers {
            found
                .entry(id.clone())
                .or_insert_with(|| InventoryNumber::new(id.clone()));
        }
        let mut accounts = config.accounts.clone();
        for business in &config.businesses {
            let of_business = accounts_of(&client(None), business, stop).await;
            match of_business {
                Ok(more) => accounts.extend(more),
                Err(error) => inventory.failures.push(error),
            }
        }
        accounts.sort();
        accounts.dedup();
        for account in &accounts {
            if stop.is_requested() {
                return Err(InventoryError::Interrupted);
            }
            if filter.exclude.iter().any(|id| id == account.as_str()) {
                continue;
            }
            listed(account);
            let mut rows = client(Some(account)).phone_numbers(account);
            while let Some(row) = rows.next().await {
                match row {
                    Ok(row) => {
                        let number = InventoryNumber::listed(row, account);
                        // What a file says about the set of a number is kept.
                        let set = found
                            .remove(&number.phone_number_id)
                            .and_then(|known: InventoryNumber| known.set);
                        found.insert(number.phone_number_id.clone(), InventoryNumber { set, ..number });
                    }
                    Err(source) => {
                        let id = account.clone();
                        inventory.failures.push(InventoryError::Account { id, source });
                        break;
                    }
                }
            }
        }
        inventory.numbers = found
            .into_values()
            .filter(|number| filter.keeps(number))
            .collect();
        inventory
            .numbers
            .sort_by(|a, b| (&a.account, &a.phone_number_id).cmp(&(&b.account, &b.phone_number_id)));
        Ok(inventory)
    }

    /// Creates an inventory of numbers that are known.
    #[must_use]
    pub fn of(numbers: Vec<InventoryNumber>) -> Self {
        Self {
            numbers,
            failures: Vec::new(),
        }
    }

    /// Returns the numbers.
    #[must_use]
    pub fn numbers(&self) -> &[InventoryNumber] {
        &self.numbers
    }

    /// Returns the businesses and accounts that cannot be listed: the inventory may lack their numbers.
    #[must_use]
    pub fn failures(&self) -> &[InventoryError] {
        &self.failures
    }
}

async fn accounts_of(
    client: &GraphClient,
    business: &BusinessId,
    stop: &Stop,
) -> Result<Vec<WabaId>, InventoryError> {
    let mut accounts = Vec::new();
    for mut rows in [client.owned_accounts(business), client.client_accounts(business)] {
        while let Some(row) = rows.next().await {
            if stop.is_requested() {
                return Err(InventoryError::Interrupted);
            }
            let row = row.map_err(|source| InventoryError::Business {
                id: business.clone(),
                source,
            })?;
            accounts.push(row.id);
        }
    }
    Ok(accounts)
}
