//! A CSV file of numbers.

use std::path::Path;

use serde::Deserialize;
use wa_graph::{PhoneNumberId, WabaId};

use super::{InventoryError, InventoryNumber};

/// A larger file is not read, in bytes; 100,000 numbers take about 5 MB.
const MAX_BYTES: u64 = 64 * 1024 * 1024;

#[derive(Deserialize)]
struct Row {
    phone_number_id: PhoneNumberId,
    #[serde(default)]
    account: Option<WabaId>,
    #[serde(default)]
    set: Option<String>,
}

#[derive(Debug, thiserror::Error)]
#[error("it is larger than 64 MiB")]
struct TooLarge;

/// Reads the numbers; columns that are not known are ignored, so that the output of `wa numbers list --csv` can be read.
pub(super) fn read(path: &Path) -> Result<Vec<InventoryNumber>, InventoryError> {
    let fault = |source| InventoryError::File {
        path: path.to_owned(),
        source,
    };
    let size = std::fs::metadata(path)
        .map_err(|error| fault(error.into()))?
        .len();
    if size > MAX_BYTES {
        return Err(fault(TooLarge.into()));
    }
    let mut reader = csv::ReaderBuilder::new()
        .trim(csv::Trim::All)
        .flexible(true)
        .comment(Some(b'#'))
        .from_path(path)
        .map_err(|error| fault(error.into()))?;
    reader
        .deserialize()
        .map(|row: Result<Row, csv::Error>| {
            let row = row.map_err(|error| fault(error.into()))?;
            Ok(InventoryNumber {
                account: row.account,
                set: row.set.filter(|set| !set.is_empty()),
                ..InventoryNumber::new(row.phone_number_id)
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(text: &str) -> Result<Vec<InventoryNumber>, InventoryError> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        read(file.path())
    }

    #[test]
    fn columns_are_found_by_name_and_may_be_missing() {
        let numbers =
            read_text("name,phone_number_id,account,set\n# new\n\"A, B\",1001,77,bookings\nC,1002,,\n")
                .unwrap();
        assert_eq!(numbers[0].phone_number_id.as_str(), "1001");
        assert_eq!(numbers[0].account.as_ref().map(WabaId::as_str), Some("77"));
        assert_eq!(numbers[0].set.as_deref(), Some("bookings"));
        assert_eq!((&numbers[1].account, &numbers[1].set), (&None, &None));
        assert_eq!(read_text("phone_number_id\n1001\n1002\n").unwrap().len(), 2);
    }

    #[test]
    fn a_bad_row_is_named() {
        for text in ["phone_number_id\n+1 555 0100\n", "number\n1001\n"] {
            let error = read_text(text).unwrap_err();
            let cause = std::error::Error::source(&error).unwrap().to_string();
            assert!(
                cause.contains("line") || cause.contains("phone_number_id"),
                "{cause}"
            );
        }
    }
}
